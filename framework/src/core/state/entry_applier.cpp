#include "entry_applier.hpp"

#include "row_cache.hpp"
#include "session_table.hpp"

#include <fmt/format.h>

namespace atl {

status apply_entries(std::span<const spi::committed_entry> entries, service_logic& logic,
                     const service_info& service, transaction& state, state_meta& meta,
                     write_buffer& rows, std::vector<std::string>& answers) {
  session_table sessions{state};
  auto expiry_us = static_cast<std::uint64_t>(service.session_expiry.count());
  for (const auto& entry : entries) {
    auto& index = meta.applied;
    if (entry.index != index + 1)
      return fail(errc::internal,
                  fmt::format("entry {} came where entry {} was due", entry.index, index + 1));
    index = entry.index;
    answers.push_back(entry.no_op ? std::string{}
                                  : sessions.apply(entry.command, logic, expiry_us));
    if (state.failure())
      return tl::unexpected{*state.failure()};
  }
  logic.finish_batch(state);
  if (state.failure())
    return tl::unexpected{*state.failure()};
  rows.put(state_keys::meta(), encode(meta));
  return {};
}

status make_first_rows(rocksdb::DB& db, service_logic& logic, const service_info& service,
                       state_meta& meta, write_buffer& rows) {
  meta.service = service.name;
  meta.service_version = service.version;
  row_cache none_known;
  transaction first{service, {db, none_known, rows, meta}};
  if (auto done = logic.initialize(first); !done)
    return done;
  if (first.failure())
    return tl::unexpected{*first.failure()};
  rows.put(state_keys::meta(), encode(meta));
  return {};
}

} // namespace atl
