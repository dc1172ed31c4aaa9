#include "change_tracer.hpp"

#include "test_cluster.hpp"

#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <fcntl.h>
#include <signal.h>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace fs = std::filesystem;

namespace {

enum class kind { none, makes_file_perhaps, changes_names, changes_file };

/// The effect of a system call on files, and the argument that names the file.
struct effect {
  kind what = kind::none;
  int argument = 0; ///< the file's descriptor, the path, or the flags of an open
};

effect effect_of(std::uint64_t call) {
  switch (call) {
#ifdef SYS_open
  case SYS_open:
    return {kind::makes_file_perhaps, 1};
  case SYS_creat:
  case SYS_mkdir:
  case SYS_rename:
  case SYS_link:
  case SYS_unlink:
  case SYS_rmdir:
    return {kind::changes_names, 0};
#endif
  case SYS_openat:
    return {kind::makes_file_perhaps, 2};
  case SYS_mkdirat:
  case SYS_renameat:
  case SYS_renameat2:
  case SYS_linkat:
  case SYS_unlinkat:
    return {kind::changes_names, 0};
  case SYS_write:
  case SYS_pwrite64:
  case SYS_writev:
  case SYS_pwritev:
  case SYS_ftruncate:
  case SYS_fallocate:
  case SYS_fsync:
  case SYS_fdatasync:
    return {kind::changes_file, 0};
  default:
    return {};
  }
}

/// The program, stopped before it begins.
pid_t start_traced(const traced_run& what) {
  std::vector<char*> arguments;
  for (auto& word : what.words)
    arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  auto child = ::fork();
  if (child != 0)
    return child;
  ::dup2(::open("/dev/null", O_RDONLY), 0);
  auto log = ::open(what.log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  ::dup2(log, 1);
  ::dup2(log, 2);
  ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  ::raise(SIGSTOP);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

class tracer {
 public:
  tracer(const traced_run& what, std::size_t kill_at)
      : what_{what}, folder_{fs::weakly_canonical(what.folder).string() + "/"}, kill_at_{kill_at},
        program_{start_traced(what)} {}

  std::optional<std::size_t> run() {
    int status = 0;
    constexpr long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;
    if (::waitpid(program_, &status, 0) != program_ || !WIFSTOPPED(status))
      return std::nullopt;
    if (::ptrace(PTRACE_SETOPTIONS, program_, nullptr, options) != 0) {
      end();
      return std::nullopt;
    }
    ::ptrace(PTRACE_SYSCALL, program_, nullptr, 0L);
    for (;;) {
      auto thread = ::waitpid(-1, &status, __WALL);
      if (thread < 0)
        return std::nullopt;
      if (!WIFSTOPPED(status)) {
        if (thread == program_)
          return std::nullopt; // the program ended by itself
        continue;
      }
      auto signal = WSTOPSIG(status);
      if (signal == (SIGTRAP | 0x80) && is_over(thread)) {
        end();
        return changes_;
      }
      bool event = (status >> 16) != 0;
      if (signal == (SIGTRAP | 0x80) || signal == SIGTRAP || event || signal == SIGSTOP)
        signal = 0;
      ::ptrace(PTRACE_SYSCALL, thread, nullptr, static_cast<long>(signal));
    }
  }

 private:
  /// A call begins. @returns whether to kill the program here.
  bool is_over(pid_t thread) {
    __ptrace_syscall_info info = {};
    if (::ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof(info), &info) <= 0)
      return false;
    if (info.op == PTRACE_SYSCALL_INFO_EXIT)
      return logged_ && std::exchange(logged_, false) && is_done();
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
      return false;
    logged_ = logged_ || (info.entry.nr == SYS_write && info.entry.args[0] == 2);
    if (!is_change(effect_of(info.entry.nr), info.entry.args))
      return false;
    if (changes_ + 1 == kill_at_)
      return true;
    ++changes_;
    return false;
  }

  template <class Arguments>
  bool is_change(const effect& it, const Arguments& arguments) const {
    switch (it.what) {
    case kind::none:
      return false;
    case kind::makes_file_perhaps:
      return (arguments[it.argument] & O_CREAT) != 0;
    case kind::changes_names:
      return true;
    case kind::changes_file: {
      std::error_code failed;
      auto file =
          fs::read_symlink(fmt::format("/proc/{}/fd/{}", program_, arguments[it.argument]), failed);
      return !failed && file.string().starts_with(folder_);
    }
    }
    return false;
  }

  bool is_done() const { return read_file(what_.log).find(what_.done) != std::string::npos; }

  /// Kills the program with all of its threads, and waits for its end.
  void end() {
    ::kill(program_, SIGKILL);
    // The threads are waited for first, then the process.
    for (int status = 0; ::waitpid(-1, &status, __WALL) != program_ || WIFSTOPPED(status);) {
    }
  }

  const traced_run& what_;
  const std::string folder_;
  const std::size_t kill_at_;
  const pid_t program_;
  std::size_t changes_ = 0;
  bool logged_ = false;
};

} // namespace

std::optional<std::size_t> run_until_change(const traced_run& what, std::size_t kill_at) {
  return tracer{what, kill_at}.run();
}
