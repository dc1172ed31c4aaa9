#pragma once

#include "temporary_folder.hpp"

#include <atoll/net/handshake.hpp>

#include <functional>
#include <string>
#include <vector>

/// The two ends of a handshake, without a network between them.
namespace handshake_pair {

using atl::net::cluster_secret;
using atl::net::handshake;
using atl::net::identity;

inline cluster_secret secret_of(const std::string& digit) {
  temporary_folder folder;
  std::string text;
  for (int i = 0; i < 64; ++i)
    text += digit;
  auto file = folder.write("secret", text);
  std::filesystem::permissions(file, std::filesystem::perms{0600});
  return cluster_secret::load(file).value();
}

inline const cluster_secret& secret() {
  static const auto made = secret_of("7");
  return made;
}

inline identity identity_of(std::string name, std::string role) {
  identity who;
  who.cluster = "reef";
  who.group = "group-1";
  who.name = std::move(name);
  who.role = std::move(role);
  return who;
}

struct end {
  identity who;
  cluster_secret secret = handshake_pair::secret();
};

struct ends {
  end dialer{identity_of("shell", "client")};
  end acceptor{identity_of("master-1", "master")};
  /// Different in each exchange, as if drawn at random, unless it is set to the same number.
  std::uint8_t exchange = 0;
};

/// What `run` leaves.
struct outcome {
  handshake dialer;
  handshake acceptor;
  std::vector<std::string> messages; ///< as they were sent, the dialer's and the acceptor's in turn

  bool both_done() const {
    return dialer.current() == handshake::state::done &&
           acceptor.current() == handshake::state::done;
  }
};

/// Changes the message with this number on its way, or only looks at it.
using meddler = std::function<void(std::size_t number, std::string& message)>;
/// Hands a message over, in pieces.
using carrier = std::function<void(handshake& to, std::string_view message)>;

inline outcome run(const ends& between, const meddler& meddle = {}, const carrier& carry = {}) {
  atl::net::nonce dialer_nonce{1, between.exchange};
  atl::net::nonce acceptor_nonce{2, between.exchange};
  outcome out{handshake::dial(between.dialer.who, between.dialer.secret, dialer_nonce),
              handshake::accept(between.acceptor.who, between.acceptor.secret, acceptor_nonce, {9}),
              {}};
  for (auto from = &out.dialer, to = &out.acceptor;; std::swap(from, to)) {
    auto message = from->take_output();
    if (message.empty())
      return out;
    auto number = out.messages.size();
    out.messages.push_back(message);
    if (meddle)
      meddle(number, message);
    if (carry)
      carry(*to, message);
    else
      to->receive(message);
  }
}

} // namespace handshake_pair
