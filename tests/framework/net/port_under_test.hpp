#pragma once

#include "event_loop.hpp"
#include "handshake_pair.hpp"

#include <atoll/net/dialer.hpp>
#include <atoll/net/gatekeeper.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <list>
#include <optional>
#include <vector>

/// A gatekeeper on 127.0.0.1, and those that it admitted.
class port_under_test {
 public:
  using change = std::function<void(atl::net::gatekeeper_settings&)>;

  explicit port_under_test(event_loop& loop, const change& change_settings = {}) : loop_{loop} {
    handshake_pair::ends usual;
    atl::net::gatekeeper_settings settings;
    settings.listen = {"127.0.0.1", 0};
    settings.self = usual.acceptor.who;
    settings.secret = usual.acceptor.secret;
    if (change_settings)
      change_settings(settings);
    auto opened =
        atl::net::gatekeeper::open(loop.context(), settings, [this](atl::net::admitted peer) {
          admitted.push_back(std::move(peer));
          if (on_admitted)
            on_admitted();
        });
    REQUIRE_MESSAGE(opened, opened.error().message);
    tested = std::move(*opened);
  }

  std::uint16_t number() const { return tested->listens_at().port; }
  std::uint64_t refused(atl::net::refusal why) const {
    return tested->counters().refused[static_cast<std::size_t>(why)];
  }

  std::unique_ptr<atl::net::gatekeeper> tested;
  std::list<atl::net::admitted> admitted;
  std::function<void()> on_admitted;

 private:
  event_loop& loop_;
};

/// A call of `dial` and what became of it.
class call_under_test {
 public:
  using outcome = tl::expected<atl::net::dialed, atl::net::dial_failure>;

  call_under_test(event_loop& loop, atl::endpoint where,
                  const handshake_pair::end& as = handshake_pair::ends{}.dialer,
                  std::chrono::milliseconds timeout = event_loop::patience)
      : loop_{loop} {
    atl::net::dial(loop.context(), {std::move(where), as.who, as.secret, timeout},
                   [kept = outcome_](outcome how) {
                     REQUIRE_FALSE(*kept);
                     *kept = std::move(how);
                   });
  }

  bool has_ended() const { return outcome_->has_value(); }
  outcome& wait() {
    REQUIRE(loop_.run_until([this] { return has_ended(); }));
    return **outcome_;
  }
  atl::net::dialed& connection() {
    auto& how = wait();
    REQUIRE_MESSAGE(how, how.error().problem.message);
    return *how;
  }
  atl::net::dial_failure& failure() {
    auto& how = wait();
    REQUIRE_FALSE(how);
    return how.error();
  }

 private:
  event_loop& loop_;
  std::shared_ptr<std::optional<outcome>> outcome_ = std::make_shared<std::optional<outcome>>();
};
