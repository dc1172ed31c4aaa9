#include "cli/transfer_tally.hpp"

#include "cli/output.hpp"

#include <nlohmann/json.hpp>

namespace dfs::cli {

namespace {

/// Each unanswered file costs the client's whole timeout.
constexpr int consecutive_unanswered_max = 3;

bool is_unanswered(atl::errc code) {
  return code == atl::errc::unavailable || code == atl::errc::timeout;
}

} // namespace

int transfer_tally::code() const {
  std::lock_guard lock{mutex_};
  return code_;
}

void transfer_tally::succeed(std::uint64_t bytes) {
  std::lock_guard lock{mutex_};
  ++done_.files;
  done_.bytes += bytes;
  consecutive_unanswered_ = 0;
}

void transfer_tally::fail(const atl::error& problem) {
  auto code = report_error(problem);
  std::lock_guard lock{mutex_};
  if (code_ == done)
    code_ = code;
  ++failures_;
  consecutive_unanswered_ = is_unanswered(problem.code) ? consecutive_unanswered_ + 1 : 0;
  if (consecutive_unanswered_ == consecutive_unanswered_max)
    print_error("dfs: given up after {} failures in a row because the cluster doesn't answer\n",
                consecutive_unanswered_max);
}

bool transfer_tally::has_given_up() const {
  std::lock_guard lock{mutex_};
  return consecutive_unanswered_ >= consecutive_unanswered_max || has_output_failed();
}

int transfer_tally::finish(const context& with, std::string_view verb) const {
  std::lock_guard lock{mutex_};
  if (failures_ != 0 && done_.files == 0)
    return code_;
  if (with.json)
    print("{}\n",
          nlohmann::json{{"files", done_.files}, {"bytes", done_.bytes}, {"failed", failures_}}
              .dump());
  else if (shows_progress(with))
    print_error("{} {} file{}, {}\n", verb, done_.files, done_.files == 1 ? "" : "s",
                human_bytes(done_.bytes));
  return code_;
}

} // namespace dfs::cli
