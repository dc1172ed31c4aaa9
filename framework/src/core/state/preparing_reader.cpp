#include "preparing_reader.hpp"

#include "session_table.hpp"
#include "state_database.hpp"
#include "state_rows.hpp"

#include <atoll/core/state/service_logic.hpp>

#include <fmt/format.h>

#include <memory>

namespace atl {

void preparing_reader::touch_session(const session_id& id, bool is_first) {
  std::string value;
  get_row(state_keys::session(id), value);
  if (!is_first)
    return;
  auto checks = state_keys::all_idle_checks();
  std::uint32_t left = expired_by_new_session_max;
  scan_rows(checks, checks, [&](std::string_view key, std::string_view) {
    if (auto check = state_keys::idle_check_in(key))
      get_row(state_keys::session(check->session), value);
    return --left > 0;
  });
}

/// A command that would read more is not prepared further.
bool preparing_reader::may_read() {
  if (++reads_ > prepared_rows_max)
    fail(error{errc::refused,
               fmt::format("preparing a command reads at most {} rows", prepared_rows_max)});
  return !failure();
}

bool preparing_reader::get_row(const std::string& key, std::string& value) {
  if (!may_read())
    return false;
  if (auto known = lately_.rows.find(key)) {
    if (known->exists)
      value = known->value;
    return known->exists;
  }
  auto before = blocks_read();
  auto status = db_.Get({}, key, &value);
  read_disk_ = read_disk_ || blocks_read() != before;
  if (!status.ok() && !status.IsNotFound()) {
    fail(status);
    return false;
  }
  auto found = status.ok() ? std::optional{value} : std::nullopt;
  lately_.rows.put(key, found);
  rows_.push_back({key, std::move(found)});
  return status.ok();
}

void preparing_reader::scan_rows(std::string_view prefix, std::string_view from,
                                 const row_visitor& visit) {
  auto end = state_keys::end_of(prefix);
  auto bound = slice(end);
  rocksdb::ReadOptions how;
  if (!end.empty())
    how.iterate_upper_bound = &bound;
  auto before = blocks_read();
  std::unique_ptr<rocksdb::Iterator> stored{db_.NewIterator(how)};
  for (stored->Seek(slice(from)); stored->Valid() && may_read(); stored->Next())
    if (!visit(stored->key().ToStringView(), stored->value().ToStringView()))
      break;
  read_disk_ = read_disk_ || blocks_read() != before;
  if (!stored->status().ok())
    fail(stored->status());
}

} // namespace atl
