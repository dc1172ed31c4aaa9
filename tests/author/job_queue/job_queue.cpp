#include "job_queue.hpp"

#include <atoll/core/state/answer.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace jobs {

namespace {

using atl::encode_answer;
using atl::errc;
using atl::error;
using atl::transaction;

// The rows: `waiting/ID` and `leased/UNTIL/ID` have a job's text, `job/ID` the lease of a leased
// one as `UNTIL LEASE`, and `done` a count. Numbers have as many digits as keep the rows in order.
template <class... Number>
std::string key(std::string_view table, Number... numbers) {
  std::string key{table};
  ((key += fmt::format("/{:020}", numbers)), ...);
  return key;
}

/// Takes a number off the front of a text; 0 where there is none.
std::uint64_t take_number(std::string_view& text) {
  std::uint64_t number = 0;
  auto digits = std::from_chars(text.data(), text.data() + text.size(), number).ptr - text.data();
  text.remove_prefix(std::min(text.size(), static_cast<std::size_t>(digits) + 1));
  return number;
}

std::string add_job(transaction& state, std::string_view text) {
  auto id = state.index(); // of the log entry: no other job has it
  state.put(key("waiting", id), std::string{text});
  return encode_answer(std::to_string(id));
}

/// Takes the first job whose lease has expired, or the first that waits.
std::string lease_job(transaction& state, std::string_view body) {
  auto until = state.time_us() + take_number(body) * 1'000'000;
  auto jobs = state.first_rows("leased/", "leased/", 1);
  if (jobs.empty() || jobs[0].first >= key("leased", state.time_us()))
    jobs = state.first_rows("waiting/", "waiting/", 1);
  if (jobs.empty())
    return encode_answer(error{errc::not_found, "no job waits"});
  auto& [row, text] = jobs[0];
  auto digits = std::string_view{row}.substr(row.rfind('/') + 1);
  auto id = take_number(digits);
  state.erase(row);
  state.put(key("leased", until, id), text);
  state.put(key("job", id), fmt::format("{} {}", until, state.index()));
  return encode_answer(fmt::format("{} {} {}", id, state.index(), text));
}

std::string finish_job(transaction& state, std::string_view body) {
  auto id = take_number(body);
  auto lease = take_number(body);
  std::string job;
  state.get(key("job", id), job);
  std::string_view rest{job};
  auto until = take_number(rest);
  if (job.empty() || take_number(rest) != lease)
    return encode_answer(error{errc::refused, "the job is done, or another has it"});
  state.erase(key("leased", until, id));
  state.erase(key("job", id));
  state.put(key("done", id), {});
  return encode_answer(std::string_view{"done"});
}

} // namespace

atl::service_info job_queue::info() const {
  return {.name = "jobs"};
}

std::string job_queue::apply(transaction& state, const atl::service_command& command) {
  if (command.type == add)
    return add_job(state, command.body);
  return command.type == lease ? lease_job(state, command.body) : finish_job(state, command.body);
}

std::string job_queue::query(atl::state_view& state, std::string_view) const {
  auto count = [&](std::string_view table) {
    int rows = 0;
    state.scan(table, table, [&](auto, auto) { return ++rows > 0; });
    return rows;
  };
  return encode_answer(
      fmt::format("{} {} {}", count("waiting/"), count("leased/"), count("done/")));
}

std::optional<error> job_queue::admission_check(const atl::service_command& command) const {
  if (command.type > finish)
    return error{errc::invalid, "no such command"};
  return std::nullopt;
}

} // namespace jobs
