#include "logic_calls.hpp"

#include "member_table.hpp"
#include "row_cache.hpp"
#include "session_table.hpp"

#include <atoll/core/state/answer.hpp>
#include <atoll/core/state/group_members.hpp>

#include <fmt/format.h>

#include <functional>

namespace atl {

bool is_framework_command(const service_command& command) {
  return command.type >= framework_types_begin;
}

bool is_framework_query(std::string_view query) {
  return !query.empty() && static_cast<std::uint8_t>(query.front()) >= framework_types_begin;
}

error thrown_by(const service_info& service, std::string_view during,
                const std::exception& thrown) {
  return {errc::internal, fmt::format("the application '{}' threw during {}: {}", service.name,
                                      during, thrown.what())};
}

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

namespace {

/// The rows of a new state: those that `make` puts, and the framework's.
status make_rows(rocksdb::DB& db, const service_info& service, state_meta& meta, write_buffer& rows,
                 const std::function<status(transaction&)>& make) {
  meta.service = service.name;
  meta.service_version = service.version;
  row_cache none_known{0};
  transaction first{service, {db, none_known, rows, meta}};
  try {
    if (auto done = make(first); !done)
      return done;
  } catch (const std::exception& thrown) {
    return tl::unexpected{thrown_by(service, "the first start", thrown)};
  }
  if (first.failure())
    return tl::unexpected{*first.failure()};
  rows.put(state_keys::meta(), encode(meta));
  return {};
}

} // namespace

status make_first_rows(rocksdb::DB& db, service_logic& logic, const service_info& service,
                       state_meta& meta, write_buffer& rows) {
  return make_rows(db, service, meta, rows,
                   [&](transaction& state) { return logic.initialize(state); });
}

status make_restored_rows(rocksdb::DB& db, service_logic& logic, const service_info& service,
                          spi::log_index log_index, state_meta& meta, write_buffer& rows) {
  return make_rows(db, service, meta, rows,
                   [&](transaction& state) { return logic.on_restored(state, log_index); });
}

std::string answer_query(std::string_view query, const service_logic& logic,
                         const service_info& service, state_view& state) {
  if (is_framework_query(query))
    return answer_framework_query(state, query);
  try {
    return logic.query(state, query);
  } catch (const std::exception& thrown) {
    return encode_answer(thrown_by(service, "a query", thrown));
  }
}

std::optional<error> check_command(const service_command& command, const service_logic& logic) {
  return is_framework_command(command) ? check_framework_command(command)
                                       : logic.admission_check(command);
}

} // namespace atl
