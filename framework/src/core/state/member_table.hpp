#pragma once

#include <atoll/core/group_birth.hpp>
#include <atoll/core/state/session_command.hpp>
#include <atoll/core/state/transaction.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace atl {

class write_buffer;

/// Changes the rows of the group's members. For the applying thread.
class member_table {
 public:
  explicit member_table(transaction& state) : state_{state} {}

  /// Carries out one of the framework's commands; the answer to another one is an error.
  std::string apply(const service_command& command);

 private:
  result<spi::replica_id> admit(const member_identity& wanted);

  transaction& state_;
};

/// Why no replica should carry out one of the framework's commands; none: it may.
std::optional<error> check_framework_command(const service_command& command);

/// The certificate of the group and the rows of its founders in a new state.
/// @param birth an encoded `group_birth`; empty: none
status put_birth(write_buffer& rows, const std::string& birth);

/// The answer to one of the framework's queries.
std::string answer_framework_query(row_reader& state, std::string_view query);

} // namespace atl
