#pragma once

#include <atoll/core/state/answer.hpp>
#include <atoll/core/state/service_logic.hpp>
#include <atoll/node/service_description.hpp>
#include <atoll/runtime/envelope.hpp>

#include <string>

/// An application of two replicated services, whose groups have the same members.
namespace two_groups {

inline const atl::node::service_description jobs{.name = "jobs"};
inline const atl::node::service_description locks{.name = "locks"};

/// A message for the role `locks` of one node: its actor throws.
inline constexpr auto fail_now = atl::runtime::message_kind::application;

/// Counts its commands. Each is answered with the count.
class counter final : public atl::service_logic {
 public:
  atl::service_info info() const override {
    atl::service_info info;
    info.name = "counter";
    return info;
  }
  std::string apply(atl::transaction& state, const atl::service_command&) override {
    std::string count;
    state.get("count", count);
    count = std::to_string(count.empty() ? 1 : std::stoi(count) + 1);
    state.put("count", count);
    return atl::encode_answer(count);
  }
  std::string query(atl::state_view& state, std::string_view) const override {
    std::string count;
    state.get("count", count);
    return atl::encode_answer(count);
  }
};

} // namespace two_groups
