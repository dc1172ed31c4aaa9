#pragma once

#include <atoll/core/error.hpp>
#include <atoll/net/cluster_secret.hpp>
#include <atoll/spi/version_range.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace atl::net {

/// What a port is for.
enum class plane : std::uint8_t { control, bulk, snapshot };
inline constexpr plane plane_last = plane::snapshot;

constexpr std::string_view to_string(plane which) {
  constexpr std::string_view names[] = {"control", "bulk", "snapshot"};
  return names[static_cast<std::size_t>(which)];
}

/// Connects further connections of a dialer to its first one: drawn by the acceptor.
using link_id = std::array<std::uint8_t, 16>;
/// Bytes that never repeat, so that no proof can be used a second time.
using nonce = std::array<std::uint8_t, 32>;

/// 32 bytes of the system's random generator. Thread-safe.
nonce draw_nonce();
link_id draw_link_id();

/// What each end of a connection says about itself.
struct identity {
  spi::version_range wire; ///< of the protocol that follows the handshake
  net::plane plane = net::plane::control;
  std::string cluster; ///< the cluster's name
  std::string group;   ///< the id that the cluster got at its birth; empty: none yet, or not known
  std::string name;
  std::string role;
  /// Only of a dialer: the link that the connection belongs to; all zero: a new one.
  link_id link{};
};

/// Why a connection is refused.
enum class refusal : std::uint8_t {
  malformed, ///< the bytes are no handshake
  version,   ///< no wire version in common
  cluster,   ///< another cluster, or another birth of it
  plane,     ///< the port serves another plane
  secret,    ///< another secret, or none
  busy,      ///< too many connections
};
inline constexpr refusal refusal_last = refusal::busy;

constexpr std::string_view to_string(refusal why) {
  constexpr std::string_view names[] = {"malformed", "version", "cluster",
                                        "plane",     "secret",  "busy"};
  return names[static_cast<std::size_t>(why)];
}

/// The exchange at the start of each connection, by which each end learns the other end's identity
/// and proves that it knows the cluster's secret. The secret doesn't travel, and a recorded
/// exchange proves nothing: each proof is an HMAC over all that both ends have sent, fresh random
/// bytes of both among it (the scheme of ISO/IEC 9798-4, three-pass mutual authentication).
///
///   dialer                          acceptor
///     hello(identity, nonce)  →
///                             ←  challenge(identity, nonce, proof)
///     confirmation(proof)     →
///                             ←  welcome(wire version, link, proof)
///
/// The ends take turns, and each end may send `refused(reason)` instead of its next message. If
/// neither end has a secret, the proofs are zero; if one has, the other end is refused. Nothing but
/// these four messages is authenticated, and nothing is encrypted.
///
/// Bytes that don't begin like a handshake get no answer, for their sender speaks another protocol.
///
/// A state machine without I/O: bytes in, bytes out. It keeps at most `handshake_message_bytes_max`
/// bytes of the peer, whatever the peer sends. Not thread-safe.
class handshake {
 public:
  enum class state : std::uint8_t { running, done, failed };

  /// The end that opened the connection; has its first message to send at once.
  static handshake dial(identity self, cluster_secret secret, const nonce& fresh);
  /// @param link what the dialer's connection is called if it is a new one
  static handshake accept(identity self, cluster_secret secret, const nonce& fresh,
                          const link_id& link);

  /// Takes the next bytes of the peer, cut anywhere. Bytes after the peer's message make the
  /// handshake fail: it is not the peer's turn.
  state receive(std::string_view bytes);
  /// How many bytes can be read from the peer without reading more than the handshake; more may be
  /// needed afterwards. A dialer reads no more than these, because what the peer sends after its
  /// welcome is not part of the handshake. 0: the handshake has ended.
  std::size_t bytes_wanted() const;
  /// The bytes to send next; empty: none. Also after a failure, to tell the peer why.
  std::string take_output();

  /// Only an acceptor's: ends the handshake. Takes the place of a message that `take_output` hasn't
  /// returned yet.
  void refuse(refusal why, const std::string& text);

  state current() const { return state_; }
  /// What the peer says about itself; proved once the state is `done` and there is a secret.
  const identity& peer() const { return peer_; }
  /// The highest version that both ends speak.
  std::uint32_t wire_version() const { return wire_version_; }
  const link_id& link() const { return link_; }
  /// Only after a failure: a sentence, and its kind.
  const error& problem() const { return problem_; }
  refusal why() const { return why_; }

 private:
  enum class message : std::uint8_t { hello, challenge, confirmation, welcome, refused };
  enum class side : std::uint8_t { dialer, acceptor };

  handshake(side which, identity self, cluster_secret secret, const nonce& fresh);
  void send(message type, std::string_view body);
  void on_message(message type, std::string_view body, std::string_view whole);
  void malformed();
  void on_hello(std::string_view body, std::string_view whole);
  void on_challenge(std::string_view body);
  void on_confirmation(std::string_view body);
  void on_welcome(std::string_view body);
  void on_refused(std::string_view body);
  bool accept_peer();
  bool accept_version();
  /// The proof of the transcript so far, or zeros without a secret.
  proof prove(std::string_view label) const;
  std::string introduction() const;
  bool read_introduction(std::string_view& body);
  void fail(refusal why, std::string text, bool tell_peer);

  side side_;
  identity self_;
  cluster_secret secret_;
  nonce fresh_;
  link_id link_{};
  state state_ = state::running;
  message awaited_ = message::hello;
  std::string in_;
  std::string out_;
  std::string transcript_; ///< what the proofs are about: all messages without the proofs
  identity peer_;
  bool peer_has_secret_ = false;
  std::uint32_t wire_version_ = 0;
  error problem_;
  refusal why_ = refusal::malformed;
};

} // namespace atl::net
