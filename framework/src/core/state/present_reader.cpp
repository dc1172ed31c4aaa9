#include "present_reader.hpp"

#include <utility>

namespace atl {

state_summary present_reader::summary() {
  auto meta = find_meta();
  if (!meta) {
    fail_damaged("the record of the index");
    return {};
  }
  return {std::move(meta->cluster_id), meta->applied, meta->latest_us, meta->sessions};
}

std::optional<state_meta> present_reader::find_meta() {
  std::string bytes;
  if (failure() || !get_row(state_keys::meta(), bytes))
    return std::nullopt;
  state_meta value;
  if (!decode(bytes, value)) {
    fail_damaged("the record of the index");
    return std::nullopt;
  }
  return value;
}

void present_reader::scan_rows(std::string_view prefix, std::string_view from,
                               const row_visitor& visit) {
  if (auto done = scan_prefix(db_, buffer_, how_, prefix, from, visit); !done.ok())
    fail(done);
}

bool present_reader::get_row(const std::string& key, std::string& value) {
  if (auto* row = buffer_.find(key)) {
    if (row->value)
      value = *row->value;
    return row->value.has_value();
  }
  auto status = db_.Get(how_, key, &value);
  if (!status.ok() && !status.IsNotFound())
    fail(status);
  return status.ok();
}

} // namespace atl
