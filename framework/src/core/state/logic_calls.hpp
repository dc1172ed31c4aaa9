#pragma once

#include "state_rows.hpp"
#include "write_buffer.hpp"

#include <atoll/core/error.hpp>
#include <atoll/core/state/service_logic.hpp>
#include <atoll/core/state/transaction.hpp>
#include <atoll/spi/consensus.hpp>

#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The calls of a service's logic, with what the framework answers in its place.
namespace atl {

bool is_framework_command(const service_command& command);
bool is_framework_query(std::string_view query);

error thrown_by(const service_info& service, std::string_view during, const std::exception& thrown);

/// Applies entries one after the other to a state in `rows` and `meta`, and appends the answer to
/// each; that of a no-op is empty. @param state lies over `rows` and `meta`
/// @returns the failure of `state`, or that an entry is not the next one: the entries may be
/// applied in part then
status apply_entries(std::span<const spi::committed_entry> entries, service_logic& logic,
                     const service_info& service, transaction& state, state_meta& meta,
                     write_buffer& rows, std::vector<std::string>& answers);

/// The rows of a new state, before the first entry.
/// @param db is empty @param meta what the caller knows of the state; the service is filled in
status make_first_rows(rocksdb::DB& db, service_logic& logic, const service_info& service,
                       state_meta& meta, write_buffer& rows);

/// The rows that a new state has besides those of a backup, which are in the database already.
status make_restored_rows(rocksdb::DB& db, service_logic& logic, const service_info& service,
                          spi::log_index log_index, state_meta& meta, write_buffer& rows);

/// Answers a query. One on which the logic throws is answered with an error: it must not end one
/// replica after the other. The caller looks at the failure of `state`.
std::string answer_query(std::string_view query, const service_logic& logic,
                         const service_info& service, state_view& state);

/// Why no replica should carry out the command; none: it may.
std::optional<error> check_command(const service_command& command, const service_logic& logic);

} // namespace atl
