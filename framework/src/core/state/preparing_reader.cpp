#include "preparing_reader.hpp"

#include "state_database.hpp"
#include "state_rows.hpp"

#include <atoll/core/state/service_logic.hpp>

#include <fmt/format.h>

#include <memory>

namespace atl {

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
  auto status = db_.Get(read_options(reads::memory), key, &value);
  if (status.IsIncomplete()) {
    read_disk_ = true;
    status = db_.Get({}, key, &value);
  }
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
  std::unique_ptr<rocksdb::Iterator> it{db_.NewIterator(how)};
  for (it->Seek(slice(from)); it->Valid() && may_read(); it->Next())
    if (!visit(it->key().ToStringView(), it->value().ToStringView()))
      break;
  if (!it->status().ok())
    fail(it->status());
}

} // namespace atl
