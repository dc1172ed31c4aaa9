#pragma once

#include "plugin_under_test.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace under_test {

/// Replica 1 of three, driven call by call, to see which record each of its messages waits for.
class one_replica {
 public:
  using persist_token = atl::spi::persist_token;

  explicit one_replica(const atl::spi::descriptor& plugin, const overrides& changed = {},
                       atl::spi::stable_state stable = {})
      : options_{make_options(plugin, changed)}, protocol_{plugin.create.consensus(
                                                     {options_, 1, {1, 2, 3}, 1, 1})} {
    protocol_->start(std::move(stable), 0, atl::spi::timestamp{0});
    drain();
  }

  atl::spi::consensus& protocol() { return *protocol_; }

  /// Delivers a message, and carries out the resulting effects.
  void step(atl::spi::replica_id from, const std::string& bytes) {
    protocol_->step(from, bytes);
    drain();
  }
  /// Lets time pass until the protocol sends something, as a candidate for one.
  void wait_for_a_message() {
    sent_.clear();
    for (int round = 0; round < 100 && sent_.empty(); ++round) {
      protocol_->advance(protocol_->deadline());
      drain();
    }
    REQUIRE_FALSE(sent_.empty());
  }
  void all_is_durable() {
    protocol_->on_durable(last_token_);
    drain();
  }
  void applied_up_to(atl::spi::log_index index) {
    protocol_->on_applied(index);
    drain();
  }

  /// The newest message, and the newest record.
  const atl::spi::send& sent() const {
    REQUIRE_FALSE(sent_.empty());
    return sent_.back();
  }
  persist_token last_token() const { return last_token_; }
  /// The records as they will be on the disk.
  const std::string& meta() const { return meta_; }

 private:
  void drain() {
    std::vector<atl::spi::effect> effects;
    protocol_->drain(effects);
    for (auto& it : effects)
      if (auto* record = std::get_if<atl::spi::persist>(&it)) {
        last_token_ = record->token;
        for (auto& op : record->ops)
          if (auto* meta = std::get_if<atl::spi::set_meta>(&op))
            meta_ = meta->bytes;
      } else if (auto* message = std::get_if<atl::spi::send>(&it)) {
        sent_.push_back(*message);
      }
  }

  atl::spi::options options_;
  std::unique_ptr<atl::spi::consensus> protocol_;
  std::vector<atl::spi::send> sent_;
  persist_token last_token_ = 0;
  std::string meta_;
};

/// The body of the newest message. @param decode the protocol's
template <class Body, class Decode>
Body must_have_sent(const one_replica& it, Decode decode) {
  auto message = decode(it.sent().bytes);
  REQUIRE(message.has_value());
  auto* body = std::get_if<Body>(&message->body);
  REQUIRE(body != nullptr);
  return *body;
}

} // namespace under_test
