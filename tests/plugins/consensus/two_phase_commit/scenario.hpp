#pragma once

#include "two_phase_commit.hpp"
#include "wire.hpp"

#include <atoll/sim/world.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <string>

namespace two_phase_commit {

using namespace atl::sim;
using atl::two_phase::message_type;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// A world of replicas of two-phase commit, and a client's words for it.
class group : public world {
 public:
  explicit group(std::uint32_t replicas, const under_test::overrides& changed = {},
                 bool fatal_is_failure = true)
      : world{make_options(replicas, changed, fatal_is_failure), factory()}, replicas_{replicas} {}

  /// Waits until writes are taken.
  void settle() {
    REQUIRE(run_until([this] { return up(1) && status(1).term > 0 && status(1).blocked.empty(); }));
  }

  /// Who takes proposals; 0: nobody does at the moment.
  atl::spi::replica_id leader() const {
    return up(1) && status(1).term > 0 && status(1).blocked.empty() ? 1 : 0;
  }

  /// Waits until `id` is back, whole, and known to be.
  void back(atl::spi::replica_id id) {
    auto last = applied(1);
    REQUIRE(run_until([&] { return up(id) && status(id).blocked.empty() && applied(id) >= last; }));
    run_for(milliseconds{300});
    settle();
  }

  ticket write(std::int64_t value, std::uint64_t key = 1, atl::spi::replica_id at = 1) {
    ++commands_;
    return propose(at, register_command{
                           commands_, 1000 + commands_, 1, key, operation_kind::write, value, {}});
  }

  /// Writes, and wants it applied.
  atl::spi::log_position must_write(std::int64_t value, std::uint64_t key = 1) {
    auto& got = await(write(value, key));
    REQUIRE_MESSAGE(got.kind == answer_kind::applied, got.reason);
    return got.position;
  }

  register_value must_read(atl::spi::replica_id at, std::uint64_t key = 1) {
    auto& got = await(read(at, key));
    REQUIRE_MESSAGE(got.kind == answer_kind::read, got.reason);
    return got.result.result;
  }

  /// Messages of one type, optionally between two replicas only, meet with `what`.
  void on_messages(message_type type, passage what, atl::spi::replica_id from = 0,
                   atl::spi::replica_id to = 0) {
    filter([=](auto sender, auto receiver, std::string_view bytes) {
      auto concerned = (from == 0 || from == sender) && (to == 0 || to == receiver);
      return concerned && type_of(bytes) == type ? what : passage::pass;
    });
  }

  void all_messages_pass() { filter({}); }

  static std::optional<message_type> type_of(std::string_view bytes) {
    atl::spi::reader in{bytes};
    auto head = atl::two_phase::read_header(in);
    return head ? std::optional{head->type} : std::nullopt;
  }

  /// Everybody is up and has applied the same; nothing was violated.
  void must_agree() {
    auto agree = [this] {
      for (atl::spi::replica_id id = 1; id <= replicas_; ++id)
        if (!up(id) || applied(id) != applied(1) || status(id).decided != status(1).decided)
          return false;
      return true;
    };
    CHECK(run_until(agree));
    CHECK(violation() == "");
  }

 private:
  static simulation_options make_options(std::uint32_t replicas,
                                         const under_test::overrides& changed,
                                         bool fatal_is_failure) {
    auto it = options(7, replicas, changed);
    it.fatal_is_failure = fatal_is_failure;
    return it;
  }

  std::uint32_t replicas_;
  std::uint64_t commands_ = 0;
};

inline bool contains(const std::string& text, std::string_view what) {
  return text.find(what) != std::string::npos;
}

} // namespace two_phase_commit
