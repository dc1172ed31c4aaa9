#include "row_cache.hpp"
#include "session_table.hpp"
#include "state_database.hpp"
#include "state_rows.hpp"
#include "write_buffer.hpp"

#include <atoll/core/printable_text.hpp>
#include <atoll/core/state/service_logic.hpp>
#include <atoll/core/state/transaction.hpp>

#include <fmt/format.h>
#include <rocksdb/db.h>

#include <utility>

namespace atl {

spi::log_index transaction::index() const {
  return parts_.meta.applied;
}

std::uint64_t transaction::time_us() const {
  return parts_.meta.latest_us;
}

void transaction::put(std::string key, std::string value) {
  if (is_allowed(key))
    parts_.buffer.put(std::move(key), std::move(value));
}

void transaction::insert(std::string key, std::string value) {
  if (!is_allowed(key))
    return;
  auto* known = parts_.is_whole_state ? parts_.buffer.find(key) : nullptr;
  if (known && known->value)
    return fail_inserted_again(key);
  parts_.buffer.insert(std::move(key), std::move(value));
}

void transaction::fail_inserted_again(std::string_view key) {
  fail(error{errc::internal,
             fmt::format("the application '{}' inserted the row '{}', which exists already: "
                         "`insert` is for rows that never existed, and `put` replaces a row",
                         service().name, printable(key))});
}

void transaction::erase(const std::string& key) {
  if (is_allowed(key))
    parts_.buffer.erase(key);
}

transaction::rows transaction::first_rows(std::string_view prefix, std::string_view from,
                                          std::size_t limit) {
  return is_allowed(prefix) ? first_rows_of(prefix, from, limit) : rows{};
}

transaction::rows transaction::first_rows_of(std::string_view prefix, std::string_view from,
                                             std::size_t limit) {
  rows found;
  if (limit > 0 && !failure())
    scan_rows(prefix, from, [&](std::string_view key, std::string_view value) {
      found.emplace_back(key, value);
      return found.size() < limit;
    });
  return found;
}

std::uint32_t transaction::expire_sessions(std::uint64_t idle_us, std::uint32_t limit) {
  return session_table{*this}.expire(idle_us, limit);
}

void transaction::scan_rows(std::string_view prefix, std::string_view from,
                            const row_visitor& visit) {
  if (auto done = scan_prefix(parts_.db, parts_.buffer, {}, prefix, from, visit); !done.ok())
    fail(done);
}

bool transaction::get_row(const std::string& key, std::string& value) {
  if (auto* row = parts_.buffer.use(key)) {
    if (row->value)
      value = *row->value;
    return row->value.has_value();
  }
  if (auto known = parts_.known.find(key)) {
    if (known->exists)
      value = known->value;
    return known->exists;
  }
  auto status = parts_.db.Get(read_options(reads::memory), key, &value);
  if (status.IsIncomplete()) {
    ++disk_reads_;
    status = parts_.db.Get({}, key, &value);
  }
  if (status.ok())
    parts_.known.put(key, value);
  else if (status.IsNotFound())
    parts_.known.put(key, std::nullopt);
  else
    fail(status);
  return status.ok();
}

} // namespace atl
