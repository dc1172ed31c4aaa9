#include <atoll/core/child_process.hpp>
#include <atoll/core/guarded_run.hpp>

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace atl {

namespace {

constexpr std::string_view end_of_work = "done";
constexpr char separator = '\0'; // no path holds one

std::string encode(const guarded_step& step) {
  std::string out;
  for (auto& field : {step.subject, step.activity, std::to_string(step.limit.count())}) {
    out += field;
    out += separator;
  }
  return out;
}

/// Decodes the steps that a child announces.
class step_reader {
 public:
  const guarded_step& last() const { return last_; }
  bool is_done() const { return last_.subject.empty() && last_.activity == end_of_work; }

  void take(std::string_view bytes) {
    for (auto c : bytes) {
      if (c != separator) {
        fields_[at_] += c;
        continue;
      }
      if (++at_ == fields_.size())
        finish();
    }
  }

 private:
  void finish() {
    std::int64_t seconds = 0;
    std::from_chars(fields_[2].data(), fields_[2].data() + fields_[2].size(), seconds);
    last_ = {fields_[0], fields_[1], std::chrono::seconds{seconds}};
    fields_ = {};
    at_ = 0;
  }

  std::array<std::string, 3> fields_;
  std::size_t at_ = 0;
  guarded_step last_{"the child process", "starting", std::chrono::seconds{0}};
};

tl::unexpected<error> ended_early(const guarded_step& step, const child_process::ending& how) {
  if (how.signal != 0)
    return fail(errc::refused, fmt::format("{}: crashed while {} (signal {})", step.subject,
                                           step.activity, signal_name(how.signal)));
  return fail(errc::refused, fmt::format("{}: ended the process while {} (exit code {})",
                                         step.subject, step.activity, how.code));
}

} // namespace

result<int> run_guarded(const std::function<int(const announce_step& announce)>& work) {
  auto child = child_process::start([&](int to) {
    auto code = work([to](const guarded_step& step) { write_all(to, encode(step)); });
    write_all(to, encode({"", std::string{end_of_work}, std::chrono::seconds{0}}));
    return code;
  });
  if (!child)
    return tl::unexpected<error>{child.error()};
  step_reader steps;
  for (;;) {
    auto bytes = child->read_some(steps.last().limit);
    if (!bytes) {
      child->kill();
      return fail(errc::refused, fmt::format("{}: hangs while {}: no end of it within {} seconds",
                                             steps.last().subject, steps.last().activity,
                                             steps.last().limit.count()));
    }
    if (bytes->empty())
      break;
    steps.take(*bytes);
    if (steps.is_done())
      break; // a process that the work started may hold the pipe open
  }
  auto how = child->wait();
  if (!steps.is_done() || how.signal != 0)
    return ended_early(steps.last(), how);
  return how.code;
}

} // namespace atl
