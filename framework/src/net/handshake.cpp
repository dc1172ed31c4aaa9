#include "handshake_bytes.hpp"

#include <atoll/net/handshake.hpp>
#include <atoll/net/net_limits.hpp>
#include <atoll/spi/codec.hpp>

#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace atl::net {

namespace {

/// Each message: magic, type, zero, length of the body, body.
constexpr std::string_view magic = "ATOL";
constexpr std::size_t header_bytes = magic.size() + 4;

constexpr std::string_view challenge_label = "atoll challenge";
constexpr std::string_view confirmation_label = "atoll confirmation";
constexpr std::string_view welcome_label = "atoll welcome";

std::uint16_t body_bytes(std::string_view header) {
  std::uint16_t size = 0;
  std::memcpy(&size, header.data() + magic.size() + 2, sizeof(size));
  return size;
}

template <std::size_t N>
std::array<std::uint8_t, N> draw() {
  std::array<std::uint8_t, N> out{};
  if (::RAND_bytes(out.data(), static_cast<int>(N)) != 1)
    throw std::runtime_error{"the system gives no random bytes"};
  return out;
}

std::string different_secrets(const identity& one, const identity& other) {
  return fmt::format("{} and {} have different secrets; give both the same file", describe(one),
                     describe(other));
}

/// What speaks no handshake is no node of any cluster.
errc code_of(refusal why) {
  if (why == refusal::malformed)
    return errc::unavailable;
  return why == refusal::busy ? errc::busy : errc::refused;
}

} // namespace

nonce draw_nonce() {
  return draw<std::tuple_size_v<nonce>>();
}

link_id draw_link_id() {
  return draw<std::tuple_size_v<link_id>>();
}

handshake::handshake(side which, identity self, cluster_secret secret, const nonce& fresh)
    : side_{which}, self_{std::move(self)}, secret_{std::move(secret)}, fresh_{fresh} {}

handshake handshake::dial(identity self, cluster_secret secret, const nonce& fresh) {
  handshake it{side::dialer, std::move(self), std::move(secret), fresh};
  it.awaited_ = message::challenge;
  auto hello = it.introduction();
  hello += text_of(it.self_.link);
  it.send(message::hello, hello);
  it.transcript_ = it.out_;
  return it;
}

handshake handshake::accept(identity self, cluster_secret secret, const nonce& fresh,
                            const link_id& link) {
  handshake it{side::acceptor, std::move(self), std::move(secret), fresh};
  it.link_ = link;
  return it;
}

std::string handshake::take_output() {
  return std::exchange(out_, {});
}

void handshake::send(message type, std::string_view body) {
  out_ += magic;
  out_ += static_cast<char>(type);
  out_ += '\0';
  auto size = static_cast<std::uint16_t>(body.size());
  out_.append(reinterpret_cast<const char*>(&size), sizeof(size));
  out_ += body;
}

/// @param tell_peer false if the peer can't read an answer, or wouldn't
void handshake::fail(refusal why, std::string text, bool tell_peer) {
  // The text goes into logs and to terminals, and the peer may have chosen parts of it.
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  out_.clear();
  // An acceptor that sent a welcome has ended its handshake.
  if (tell_peer && awaited_ != message::welcome) {
    spi::writer body;
    body.put(why).put(std::string_view{text}.substr(0, handshake_text_bytes_max));
    send(message::refused, body.view());
  }
  state_ = state::failed;
  why_ = why;
  problem_ = {code_of(why), std::move(text)};
  in_.clear();
}

void handshake::malformed() {
  fail(refusal::malformed, "the peer sends a handshake that can't be read", true);
}

void handshake::refuse(refusal why, const std::string& text) {
  fail(why, text, true);
}

// -- receiving ----------------------------------------------------------------

std::size_t handshake::bytes_wanted() const {
  if (state_ != state::running)
    return 0;
  auto whole = in_.size() < header_bytes ? header_bytes : header_bytes + body_bytes(in_);
  return whole - in_.size();
}

handshake::state handshake::receive(std::string_view bytes) {
  if (state_ != state::running)
    return state_;
  // One byte more than the longest message is enough to see that the peer sends too much.
  in_.append(bytes.substr(0, handshake_message_bytes_max + 1 - in_.size()));
  auto known = std::min(in_.size(), magic.size());
  if (in_.compare(0, known, magic, 0, known) != 0) {
    fail(refusal::malformed, "the peer doesn't speak the protocol of this program", false);
    return state_;
  }
  if (in_.size() < header_bytes)
    return state_;
  auto type = static_cast<std::uint8_t>(in_[magic.size()]);
  auto size = header_bytes + body_bytes(in_);
  if (type > static_cast<std::uint8_t>(message::refused) || in_[magic.size() + 1] != 0 ||
      size > handshake_message_bytes_max)
    malformed();
  else if (in_.size() > size)
    fail(refusal::malformed, "the peer sends more than one message of the handshake at a time",
         true);
  else if (in_.size() == size) {
    auto whole = std::exchange(in_, {});
    on_message(static_cast<message>(type), std::string_view{whole}.substr(header_bytes), whole);
  }
  return state_;
}

void handshake::on_message(message type, std::string_view body, std::string_view whole) {
  if (type == message::refused)
    return on_refused(body);
  if (type != awaited_)
    return fail(refusal::malformed, "the peer sends a message of the handshake out of turn", true);
  switch (type) {
  case message::hello:
    return on_hello(body, whole);
  case message::challenge:
    return on_challenge(body);
  case message::confirmation:
    return on_confirmation(body);
  case message::welcome:
    return on_welcome(body);
  case message::refused:
    break;
  }
}

proof handshake::prove(std::string_view label) const {
  return secret_.empty() ? proof{} : secret_.prove(label, transcript_);
}

void handshake::on_hello(std::string_view body, std::string_view whole) {
  if (!read_introduction(body))
    return;
  if (!take(body, peer_.link) || !body.empty())
    return malformed();
  if (!accept_peer())
    return;
  if (peer_.link != link_id{})
    link_ = peer_.link;
  auto challenge = introduction();
  transcript_ = std::string{whole} + challenge;
  challenge += text_of(prove(challenge_label));
  send(message::challenge, challenge);
  awaited_ = message::confirmation;
}

void handshake::on_challenge(std::string_view body) {
  auto all = body;
  if (!read_introduction(body))
    return;
  proof theirs{};
  if (!take(body, theirs) || !body.empty())
    return malformed();
  transcript_ += all.substr(0, all.size() - theirs.size());
  if (!accept_peer())
    return;
  if (!equal(theirs, prove(challenge_label)))
    return fail(refusal::secret, different_secrets(peer_, self_), true);
  send(message::confirmation, text_of(prove(confirmation_label)));
  awaited_ = message::welcome;
}

void handshake::on_confirmation(std::string_view body) {
  proof theirs{};
  if (!take(body, theirs) || !body.empty())
    return malformed();
  if (!equal(theirs, prove(confirmation_label)))
    return fail(refusal::secret, different_secrets(peer_, self_), true);
  spi::writer chosen;
  chosen.put(wire_version_);
  auto welcome = chosen.take();
  welcome += text_of(link_);
  transcript_ += welcome;
  welcome += text_of(prove(welcome_label));
  send(message::welcome, welcome);
  state_ = state::done;
}

void handshake::on_welcome(std::string_view body) {
  auto all = body;
  std::array<char, sizeof(wire_version_)> chosen{};
  proof theirs{};
  if (!take(body, chosen) || !take(body, link_) || !take(body, theirs) || !body.empty() ||
      spi::reader{text_of(chosen)}.get<std::uint32_t>() != wire_version_)
    return malformed();
  transcript_ += all.substr(0, all.size() - theirs.size());
  if (!equal(theirs, prove(welcome_label)))
    return fail(refusal::secret, fmt::format("the welcome of {} was forged", describe(peer_)),
                false);
  state_ = state::done;
}

void handshake::on_refused(std::string_view body) {
  spi::reader in{body};
  auto why = in.get_enum(refusal_last);
  auto text = in.get_string(handshake_text_bytes_max);
  if (!in.done())
    return fail(refusal::malformed, "the peer sends a handshake that can't be read", false);
  fail(why, std::move(text), false);
}

} // namespace atl::net
