#include "state_database.hpp"
#include "state_rows.hpp"

#include <atoll/core/state/row_reader.hpp>
#include <atoll/core/state/service_logic.hpp>

#include <fmt/format.h>
#include <rocksdb/status.h>

#include <utility>

namespace atl {

std::string row_reader::birth() {
  std::string bytes;
  if (!failure_ && get_row(state_keys::birth(), bytes))
    return bytes;
  return {};
}

std::vector<member_identity> row_reader::members() {
  std::vector<member_identity> members;
  if (failure_)
    return members;
  auto prefix = state_keys::all_members();
  scan_rows(prefix, prefix, [&](std::string_view, std::string_view value) {
    auto member = decode_member_identity(value);
    if (!member)
      fail_damaged("the row of a member");
    else
      members.push_back(std::move(*member));
    return !failure_;
  });
  return members;
}

void row_reader::fail_damaged(std::string_view what) {
  if (!failure_)
    failure_ = {errc::corrupt, fmt::format("{} is missing or unreadable in the {}'s database; {}",
                                           what, service_.title, service_.rebuild_advice)};
}

void row_reader::fail(const rocksdb::Status& status) {
  needs_disk_ = needs_disk_ || status.IsIncomplete();
  if (!failure_)
    failure_ = to_error(status, service_);
}

void row_reader::fail_reserved(std::string_view key) {
  if (!failure_)
    failure_ = {errc::internal,
                fmt::format("the application '{}' used a key that begins with {}: the first byte "
                            "must be 0x{:02x} or above",
                            service_.name,
                            key.empty() ? "nothing"
                                        : fmt::format("byte 0x{:02x}",
                                                      static_cast<unsigned char>(key.front())),
                            application_keys_begin)};
}

} // namespace atl
