#include "service_replica.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace atl::verify {

namespace fs = std::filesystem;

namespace {

/// The files below a folder, from which other threads may delete files, and their sizes.
std::map<fs::path, std::uintmax_t> file_sizes(const fs::path& folder) {
  std::map<fs::path, std::uintmax_t> sizes;
  std::error_code problem;
  fs::recursive_directory_iterator next{folder, problem};
  for (; !problem && next != fs::recursive_directory_iterator{}; next.increment(problem)) {
    std::error_code vanished;
    sizes[next->path()] = next->file_size(vanished);
  }
  return sizes;
}

/// Copies the folder of an open database as a crash would leave it. The database's own threads
/// write and delete files, of which a copy could have some from before a change and some from
/// after it; so the copy is made again until nothing has changed meanwhile.
void copy_at_one_moment(const fs::path& from, const fs::path& to) {
  for (;;) {
    fs::remove_all(to);
    auto before = file_sizes(from);
    std::error_code problem;
    fs::copy(from, to, fs::copy_options::recursive, problem);
    bool has_vanished = problem == std::errc::no_such_file_or_directory && fs::exists(from);
    if (has_vanished || file_sizes(from) != before)
      continue;
    if (problem)
      throw fs::filesystem_error{"copying the state of a replica", from, to, problem};
    return;
  }
}

} // namespace

service_replica::service_replica(std::string name, fs::path folder,
                                 const service_under_test& service)
    : name_{std::move(name)}, folder_{std::move(folder)}, service_{service} {
  fs::create_directories(folder_);
  present_ = fresh_folder();
  open();
}

void service_replica::fail(std::string_view what) const {
  throw std::runtime_error(fmt::format("{}: {}", name_, what));
}

template <class T>
T service_replica::expect(result<T> value, std::string_view during) const {
  if (!value)
    fail(fmt::format("{}: {}", during, value.error().message));
  return std::move(*value);
}

fs::path service_replica::fresh_folder() {
  return folder_ / std::to_string(folders_++);
}

void service_replica::open() {
  replicated_state::settings how;
  how.free_bytes_min = 0;
  how.cache_bytes = 2u << 20;
  how.write_buffer_bytes = 1u << 20;
  state_ = expect(replicated_state::open(present_, how, service_.logic()), "a start");
}

void service_replica::apply(service_history& history, std::size_t count) {
  std::vector<spi::committed_entry> batch;
  for (auto index = applied() + 1; index <= history.entries.size() && batch.size() < count; ++index)
    batch.push_back({index, 0, history.entries[index - 1].empty(), history.entries[index - 1]});
  auto answers = expect(state_->apply(batch), "applying entries");
  for (std::size_t i = 0; i < batch.size(); ++i) {
    auto& known = history.answers[batch[i].index - 1];
    if (known && *known != answers[i])
      fail(fmt::format("answers entry {} otherwise than the first replica that applied it",
                       batch[i].index));
    known = std::move(answers[i]);
  }
}

void service_replica::flush() {
  expect(state_->flush(), "a flush");
}

void service_replica::restart() {
  auto before = applied();
  auto rows = digest();
  state_.reset();
  open();
  if (applied() != before || digest() != rows)
    fail("has another state after a restart than before");
}

void service_replica::crash() {
  auto copy = fresh_folder();
  copy_at_one_moment(present_, copy);
  state_.reset();
  fs::remove_all(std::exchange(present_, copy));
  open();
}

void service_replica::install(service_replica& other) {
  if (other.applied() <= applied())
    return;
  auto copy = fresh_folder();
  expect(other.state_->save(copy), "saving a snapshot");
  expect(state_->load(copy), "loading a snapshot");
  if (digest() != other.digest())
    fail(fmt::format("has other rows than {} after it installed its snapshot", other.name_));
}

void service_replica::check_invariant() const {
  if (!service_.invariant)
    return;
  auto wrong = service_.invariant(
      [this](std::string_view query) { return expect(state_->query(query), "a query"); });
  if (wrong)
    fail(fmt::format("after entry {}: {}", applied(), *wrong));
}

std::string service_replica::digest() const {
  return expect(state_->digest(), "reading all rows");
}

} // namespace atl::verify
