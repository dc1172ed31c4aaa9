// The behaviour of the command line: names, links, broken pipes, many files at once. One
// cluster serves all cases.
#include "contains.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <pty.h>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;

constexpr std::size_t chunk = 64 << 10;

std::unique_ptr<test_cluster> shared_cluster;

/// One cluster with small chunks, for all cases.
test_cluster& cluster() {
  if (!shared_cluster) {
    cluster_shape shape;
    shape.storages = 1;
    shape.copies = 1;
    shape.files = "chunk_size = \"64KiB\"\ninline_limit = \"4KiB\"\ndurability = \"replicated\"";
    shared_cluster = std::make_unique<test_cluster>(shape);
    shared_cluster->up();
  }
  return *shared_cluster;
}

/// Stops the cluster while doctest still accepts checks, whichever cases were run.
struct cluster_stopper : doctest::IReporter {
  explicit cluster_stopper(const doctest::ContextOptions&) {}
  void test_run_end(const doctest::TestRunStats&) override { shared_cluster.reset(); }
  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_case_start(const doctest::TestCaseData&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_end(const doctest::CurrentTestCaseStats&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}
};
REGISTER_LISTENER("cluster_stopper", 1, cluster_stopper);

std::string cluster_file() {
  return cluster().folder().string();
}

outcome run(std::vector<std::string> words, const std::string& input = {}) {
  return cluster().dfs(std::move(words), input);
}

/// Makes a directory of its own for one case. @returns its path.
std::string fresh_directory() {
  static int count = 0;
  auto path = fmt::format("/case-{}", ++count);
  REQUIRE(run({"mkdir", path}).code == 0);
  return path;
}

/// Runs a shell command in which $dfs is the program with its cluster.
outcome shell(const std::string& line) {
  return run_program(
      {"/bin/sh", "-c",
       fmt::format("dfs=\"{} --cluster {}\"; {}", program("dfs").string(), cluster_file(), line)});
}

/// Replaces this process by `dfs`.
[[noreturn]] void become_dfs(const std::vector<std::string>& words) {
  std::vector<std::string> all{program("dfs").string(), "--cluster", cluster_file()};
  all.insert(all.end(), words.begin(), words.end());
  std::vector<char*> arguments;
  for (auto& word : all)
    arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

/// Runs `dfs` with a standard output that has no reader.
int code_without_reader(const std::vector<std::string>& words) {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  ::close(ends[0]);
  auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    become_dfs(words);
  }
  ::close(ends[1]);
  return wait_for(child);
}

/// The output of `dfs` to a terminal.
std::string on_terminal(const std::vector<std::string>& words) {
  int terminal = -1;
  winsize size{24, 40, 0, 0};
  auto child = ::forkpty(&terminal, nullptr, nullptr, &size);
  REQUIRE(child >= 0);
  if (child == 0)
    become_dfs(words);
  std::string shown;
  char buffer[4096];
  for (;;) {
    auto got = ::read(terminal, buffer, sizeof(buffer));
    if (got <= 0) // EIO once the other side is closed
      break;
    shown.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(terminal);
  wait_for(child);
  return shown;
}

} // namespace

// -- standard output --------------------------------------------------------------------------

TEST_CASE("output into a closed pipe ends the program quietly, as SIGPIPE would") {
  auto directory = fresh_directory();
  temporary_folder local;
  for (int i = 0; i < 300; ++i)
    write_file(local / "big" / fmt::format("{}-{}", std::string(200, 'x'), i), "");
  REQUIRE(run({"put", "-r", (local / "big").string(), directory}).code == 0);
  REQUIRE(run({"put", "-", directory + "/file"}, random_bytes(5 * chunk, 1)).code == 0);
  for (auto& words : std::vector<std::vector<std::string>>{{"ls", directory + "/big"},
                                                           {"ls", "-l", directory + "/big"},
                                                           {"--json", "ls", directory + "/big"},
                                                           {"ls", directory},
                                                           {"stat", directory},
                                                           {"cat", directory + "/file"},
                                                           {"get", directory + "/file", "-"},
                                                           {"status"},
                                                           {"--help"}}) {
    CAPTURE(words);
    CHECK(code_without_reader(words) == 141);
  }
  auto head = shell(fmt::format("$dfs ls {}/big | head -n 1", directory));
  CHECK(head.code == 0);
  CHECK(head.err.empty());
}

TEST_CASE("output that can't be written is an error with a message") {
  auto directory = fresh_directory();
  REQUIRE(run({"put", "-", directory + "/file"}, random_bytes(2 * chunk, 1)).code == 0);
  for (auto& words :
       std::vector<std::string>{"ls /", "--json ls /", "stat /", "status", "--help",
                                "cat " + directory + "/file", "get " + directory + "/file -"})
    for (std::string to : {">/dev/full", ">&-"}) {
      CAPTURE(words);
      CAPTURE(to);
      auto it = shell(fmt::format("$dfs {} {}", words, to));
      CHECK(it.code == 1);
      CHECK_MESSAGE(contains(it.err, "dfs: writing standard output: "), it.err);
    }
  for (auto& [line, code] :
       {std::pair{fmt::format("{} --config {} --check", program("dfsd").string(),
                              cluster().config_of("storage-1").string()),
                  1},
        std::pair{fmt::format("{} plugin list", program("atoll").string()), 2}}) {
    CAPTURE(line);
    auto full = shell(line + " >/dev/full");
    CHECK(full.code == code);
    CHECK_FALSE(full.err.empty());
  }
  CHECK(shell("$dfs ls /nothing 2>/dev/full").code == 3);
  CHECK(shell("$dfs ls /nothing 2>&-").code == 3);
}

TEST_CASE("control characters in names are escaped on a terminal and in messages, not in a pipe") {
  auto directory = fresh_directory();
  std::string name = "a\033]0;owned\007b";
  auto path = directory + "/" + name;
  REQUIRE(run({"put", "-", path}, "x").code == 0);
  for (auto& words : std::vector<std::vector<std::string>>{{"ls", directory},
                                                           {"ls", "-l", directory},
                                                           {"stat", path},
                                                           {"--json", "stat", path},
                                                           {"ls", path + "x"},
                                                           {"get", path, "/" + name + "/f"}}) {
    CAPTURE(words);
    auto shown = on_terminal(words);
    CHECK(contains(shown, "owned"));
    CHECK_FALSE(contains(shown, "\033]0;"));
    CHECK_FALSE(contains(shown, "\007"));
  }
  CHECK(run({"ls", directory}).out == name + "\n");
  auto missing = run({"get", path, "/" + name + "/f"});
  CHECK(missing.code == 3);
  CHECK_MESSAGE(contains(missing.err, "/a\\x1b]0;owned\\x07b"), missing.err);
}

// -- put --------------------------------------------------------------------------------------

TEST_CASE("links in a stored folder are followed, and one to a folder around it is named") {
  auto directory = fresh_directory();
  temporary_folder local;
  write_file(local / "elsewhere/file", "data");
  write_file(local / "tree/good", "good");
  fs::create_symlink("../elsewhere", local / "tree/link");
  fs::create_symlink("../elsewhere/file", local / "tree/file-link");
  REQUIRE(run({"put", "-r", (local / "tree").string(), directory}).code == 0);
  CHECK(run({"cat", directory + "/tree/link/file"}).out == "data");
  CHECK(run({"cat", directory + "/tree/file-link"}).out == "data");

  fs::create_symlink("../tree", local / "tree/up");
  fs::create_symlink("loop", local / "tree/loop");
  auto again = run({"put", "-r", (local / "tree").string(), directory + "/again"});
  CHECK(again.code == 1);
  CHECK_MESSAGE(contains(again.err, "tree/up"), again.err);
  CHECK_MESSAGE(contains(again.err, "tree/loop"), again.err);
  CHECK(run({"ls", directory + "/again"}).out == "file-link\ngood\nlink/\n");
}

TEST_CASE("a link to a folder is stored under its own name") {
  auto directory = fresh_directory();
  temporary_folder local;
  write_file(local / "real/file", "data");
  fs::create_symlink("real", local / "link");
  REQUIRE(run({"put", "-r", (local / "link").string() + "/", directory}).code == 0);
  REQUIRE(run({"put", "-r", (local / "real/.").string(), directory}).code == 0);
  CHECK(run({"ls", directory}).out == "link/\nreal/\n");
}

TEST_CASE("`put -r` names the entries of a folder that can't be stored, and stores all others") {
  auto directory = fresh_directory();
  temporary_folder local;
  for (int i = 0; i < 20; ++i)
    write_file(local / "tree" / fmt::format("f{:02}", i), "x");
  write_file(local / "tree/caf\xe9", "not UTF-8");
  write_file(local / "tree/f05x/below", "x");
  fs::create_symlink("/proc/self/mem", local / "tree/f10x"); // reading it fails
  REQUIRE(run({"mkdir", directory + "/tree"}).code == 0);
  REQUIRE(run({"put", "-", directory + "/tree/f05x"}, "a file where a folder is to be").code == 0);
  REQUIRE(run({"mkdir", directory + "/tree/f07"}).code == 0); // the other way round
  auto put = run({"--json", "put", "-r", (local / "tree").string(), directory});
  CHECK(put.code == 2); // of the first failure, a name that is not UTF-8
  CHECK_MESSAGE(contains(put.err, "tree/caf\\xe9"), put.err);
  CHECK_MESSAGE(contains(put.err, "f05x"), put.err);
  CHECK_MESSAGE(contains(put.err, "tree/f07"), put.err);
  CHECK_MESSAGE(contains(put.err, "tree/f10x"), put.err);
  CHECK(nlohmann::json::parse(put.out) ==
        nlohmann::json{{"files", 19}, {"bytes", 19}, {"failed", 4}});
  CHECK(run({"cat", directory + "/tree/f19"}).out == "x");
  CHECK(run({"stat", directory + "/tree/f10x"}).code == 3);
}

TEST_CASE("several files are stored into a directory, and a failure doesn't stop the others") {
  auto directory = fresh_directory();
  temporary_folder local;
  for (auto* name : {"a", "b", "[c]", "{}"})
    write_file(local / name, name);
  auto in_folder = [&](const std::string& words) {
    return shell(fmt::format("cd {} && $dfs {}", local.path().string(), words));
  };
  CHECK(in_folder(fmt::format("put a b '[c]' '{{}}' {}", directory)).code == 0);
  CHECK(run({"ls", directory}).out == "[c]\na\nb\n{}\n");
  CHECK(run({"cat", directory + "/[c]"}).out == "[c]");
  CHECK(in_folder(fmt::format("put a missing b {}/new", directory)).code == 3);
  CHECK(run({"stat", directory + "/new"}).code == 3);
  auto some = in_folder(fmt::format("put --parents a missing b {}/new", directory));
  CHECK(some.code == 3);
  CHECK(contains(some.err, "missing"));
  CHECK(run({"ls", directory + "/new"}).out == "a\nb\n");
  CHECK(in_folder(fmt::format("put a b {}/a", directory)).code == 1); // a file
  CHECK(in_folder(fmt::format("put a - {}", directory)).code == 2);   // has no name
  CHECK(in_folder("put a").code == 2);
}

TEST_CASE("a file that is too large is refused before any of it is sent") {
  auto directory = fresh_directory();
  temporary_folder local;
  auto file = (local / "large").string();
  auto stored = cluster().chunk_files("storage-1").size();
  write_file(file, "");
  REQUIRE(::truncate(file.c_str(), (65'536ll << 16) + 1) == 0);
  auto put = run({"put", file, directory + "/large"});
  CHECK(put.code == 2);
  CHECK_MESSAGE(contains(put.err, "65536 chunks"), put.err);
  CHECK(cluster().chunk_files("storage-1").size() == stored);
}

TEST_CASE("a source of unknown size is stored whole, whatever its size is") {
  auto directory = fresh_directory();
  for (std::size_t size :
       {std::size_t{0}, std::size_t{1}, chunk - 1, chunk, chunk + 1, 4 * chunk, 5 * chunk + 7}) {
    CAPTURE(size);
    auto bytes = random_bytes(size, size);
    REQUIRE(run({"put", "-", directory + "/f"}, bytes).code == 0);
    CHECK(run({"cat", directory + "/f"}).out == bytes);
  }
  REQUIRE(run({"put", "/proc/version", directory + "/f"}).code == 0); // reports a size of 0 bytes
  CHECK(run({"cat", directory + "/f"}).out == read_file("/proc/version"));
}

TEST_CASE("times before 1970 are kept and shown") {
  auto directory = fresh_directory();
  temporary_folder local;
  write_file(local / "f", "x");
  for (auto [seconds, shown] : {std::pair{-315'619'200, "1960-01-01 00:00:00"},
                                {-1, "1969-12-31 23:59:59"},
                                {0, "1970-01-01 00:00:00"}}) {
    timespec times[] = {{seconds, 0}, {seconds, 0}};
    REQUIRE(::utimensat(AT_FDCWD, (local / "f").c_str(), times, 0) == 0);
    REQUIRE(run({"put", (local / "f").string(), directory}).code == 0);
    auto listed = shell(fmt::format("TZ=UTC $dfs ls -l {}/f", directory));
    CHECK_MESSAGE(contains(listed.out, shown), listed.out);
    auto stat = nlohmann::json::parse(run({"--json", "stat", directory + "/f"}).out);
    CHECK(stat["mtime_ns"] == seconds * 1'000'000'000ll);
  }
}

// -- get --------------------------------------------------------------------------------------

TEST_CASE("names of the greatest length that can be stored can be read back") {
  auto directory = fresh_directory();
  temporary_folder local;
  std::string utf8;
  for (int i = 0; i < 127; ++i)
    utf8 += "ж";
  for (auto& name : {std::string(250, 'n'), std::string(255, 'm'), utf8})
    write_file(local / "in" / name, "content");
  REQUIRE(run({"put", "-r", (local / "in").string(), directory}).code == 0);
  for (int round = 0; round < 2; ++round) { // the second round replaces the files
    auto get = run({"get", "-r", directory + "/in", (local / "back").string()});
    REQUIRE_MESSAGE(get.code == 0, get.err);
    auto differ = run_program({"/usr/bin/diff", "-r", (local / "in").string(),
                               (local / (round == 0 ? "back" : "back/in")).string()});
    CHECK_MESSAGE(differ.code == 0, differ.out);
  }
}

TEST_CASE("a local file that get replaces keeps its mode, and a link to it stays") {
  auto directory = fresh_directory();
  temporary_folder local;
  REQUIRE(run({"put", "-", directory + "/secret"}, "secret").code == 0);
  write_file(local / "real", "old");
  REQUIRE(::chmod((local / "real").c_str(), 0600) == 0);
  fs::create_symlink("real", local / "link");
  REQUIRE(run({"get", directory + "/secret", (local / "link").string()}).code == 0);
  CHECK(fs::is_symlink(local / "link"));
  CHECK(read_file(local / "real") == "secret");
  CHECK((fs::status(local / "real").permissions() & fs::perms::mask) ==
        (fs::perms::owner_read | fs::perms::owner_write));
}

TEST_CASE("get refuses a local path that it can't examine, with the path") {
  auto directory = fresh_directory();
  temporary_folder local;
  REQUIRE(run({"put", "-", directory + "/f"}, "x").code == 0);
  fs::create_symlink("loop", local / "loop");
  for (auto& place : {local / "loop", local / std::string(300, 'x')}) {
    CAPTURE(place);
    auto get = run({"get", directory + "/f", place.string()});
    CHECK(get.code == 1);
    CHECK_MESSAGE(contains(get.err, place.string()), get.err);
  }
  auto lost = run_program({program("dfs").string(), "--cluster", (local / "loop").string(), "ls"});
  CHECK(lost.code < 124);
  CHECK_MESSAGE(contains(lost.err, (local / "loop").string()), lost.err);
}

TEST_CASE("get -r reads the other files of a directory when one file can't be read") {
  auto directory = fresh_directory();
  temporary_folder local;
  for (auto* name : {"a", "b", "c"})
    REQUIRE(
        run({"put", "--parents", "-", directory + "/tree/" + name}, random_bytes(chunk, name[0]))
            .code == 0);
  auto stat = nlohmann::json::parse(run({"--json", "stat", directory + "/tree/b"}).out);
  auto id = stat["chunks"][0]["chunk"].get<std::string>();
  auto damaged = 0;
  for (auto& file : cluster().chunk_files("storage-1"))
    if (contains(file.filename().string(), id)) {
      auto bytes = read_file(file);
      bytes[bytes.size() / 2] ^= 1;
      write_file(file, bytes);
      ++damaged;
    }
  REQUIRE(damaged == 1);
  auto get = run({"get", "-r", directory + "/tree", (local / "back").string()});
  CHECK(get.code == 6);
  CHECK_MESSAGE(contains(get.err, "/tree/b"), get.err);
  CHECK(read_file(local / "back/a") == random_bytes(chunk, 'a'));
  CHECK(read_file(local / "back/c") == random_bytes(chunk, 'c'));
  CHECK_FALSE(fs::exists(local / "back/b"));
}

TEST_CASE("get reads several files into a folder") {
  auto directory = fresh_directory();
  temporary_folder local;
  for (auto* name : {"/a", "/b"})
    REQUIRE(run({"put", "-", directory + name}, name).code == 0);
  auto a = directory + "/a";
  auto b = directory + "/b";
  CHECK(run({"get", a, b, (local / "none").string()}).code == 3);
  CHECK(run({"get", a, b, "-"}).code == 2);
  CHECK(run({"get", a, directory + "/missing", b, local.path().string()}).code == 3);
  CHECK(read_file(local / "a") == "/a");
  CHECK(read_file(local / "b") == "/b");
  CHECK(shell(fmt::format("cd {} && $dfs get {} -- -out", local.path().string(), a)).code == 0);
  CHECK(read_file(local / "-out") == "/a");
}

// -- names ------------------------------------------------------------------------------------

TEST_CASE("commands that take several paths continue after a failure, and exit with the code of "
          "the first failure") {
  auto directory = fresh_directory();
  auto at = [&](const std::string& name) { return directory + "/" + name; };
  CHECK(run({"mkdir", at("d"), at("no/e"), at("f")}).code == 3);
  CHECK(run({"ls", directory}).out == "d/\nf/\n");
  for (auto* name : {"x", "y", "z"})
    REQUIRE(run({"put", "-", at(name)}, name).code == 0);
  CHECK(run({"cat", at("x"), at("missing"), at("y")}).code == 3);
  CHECK(run({"cat", at("x"), at("missing"), at("y")}).out == "xy");
  CHECK(run({"ls", at("x"), at("d"), at("missing")}).code == 3);
  CHECK(run({"ls", at("x"), at("d")}).out == "x\n\n" + at("d") + ":\n");
  auto stat = run({"stat", at("x"), at("y")});
  CHECK(contains(stat.out, at("x")));
  CHECK(contains(stat.out, at("y")));
  CHECK(run({"mv", at("x"), at("y"), at("d")}).code == 0);
  CHECK(run({"ls", at("d")}).out == "x\ny\n");
  CHECK(run({"mv", at("d"), at("f"), at("z")}).code == 1);
  CHECK(run({"rm", at("d"), at("missing"), at("z"), at("f")}).code == 1); // d isn't empty
  CHECK(run({"ls", directory}).out == "d/\n");
  CHECK(run({"rm", "-r", at("d")}).code == 0);
}

TEST_CASE("ls -h prints sizes in units, and not the help text") {
  auto directory = fresh_directory();
  REQUIRE(run({"put", "-", directory + "/f"}, std::string(3 * 1024 / 2, 'x')).code == 0);
  auto listed = run({"ls", "-lh", directory});
  CHECK(listed.code == 0);
  CHECK_MESSAGE(contains(listed.out, "1.5 KiB"), listed.out);
  CHECK(contains(run({"ls", "--help"}).out, "--human"));
}

TEST_CASE("an unknown word on the command line is named, with the nearest known word") {
  auto refused = [](std::vector<std::string> words, const std::string& expected) {
    words.insert(words.begin(), program("dfs").string());
    auto it = run_program(words);
    CHECK(it.code == 2);
    CHECK_MESSAGE(contains(it.err, expected), it.err);
    CHECK(it.out.empty());
  };
  refused({"lss", "/"}, "unknown command 'lss'; did you mean 'ls'?");
  refused({"statsu"}, "unknown command 'statsu'; did you mean 'status'?");
  refused({"frobnicate"}, "unknown command 'frobnicate'");
  refused({"admin", "mastre"}, "unknown command 'mastre'; did you mean 'master'?");
  refused({"admin", "master", "ad", "m"}, "unknown command 'ad'; did you mean 'add'?");
  refused({"rm", "--recursve", "/x"}, "unknown option '--recursve'; did you mean '--recursive'?");
  refused({"ls", "--jsn"}, "unknown option '--jsn'; did you mean '--json'?");
  refused({"rm"}, "PATH");
  refused({"admin"}, "which command?");
  refused({}, "which command?");
}

TEST_CASE("no node logged a finding of a sanitizer in any of these cases") {
  shared_cluster.reset(); // checks it
}
