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

constexpr std::string_view acceptor_label = "atoll acceptor";
constexpr std::string_view dialer_label = "atoll dialer";

std::uint16_t body_bytes(std::string_view header) {
  std::uint16_t size = 0;
  std::memcpy(&size, header.data() + magic.size() + 2, sizeof(size));
  return size;
}

template <class Bytes>
std::string_view text_of(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class Bytes>
bool take(std::string_view& from, Bytes& into) {
  if (from.size() < into.size())
    return false;
  std::memcpy(into.data(), from.data(), into.size());
  from.remove_prefix(into.size());
  return true;
}

template <std::size_t N>
std::array<std::uint8_t, N> draw() {
  std::array<std::uint8_t, N> out{};
  if (::RAND_bytes(out.data(), static_cast<int>(N)) != 1)
    throw std::runtime_error{"the system gives no random bytes"};
  return out;
}

std::string versions(const identity& who) {
  return who.wire_min == who.wire_max ? fmt::format("{}", who.wire_max)
                                      : fmt::format("{} to {}", who.wire_min, who.wire_max);
}

std::string describe(const identity& who) {
  auto role = who.role.empty() ? "a caller" : who.role;
  return who.name.empty() ? role : fmt::format("{} ({})", who.name, role);
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

std::string handshake::take_rest() {
  return std::exchange(in_, {});
}

void handshake::send(message type, std::string_view body) {
  out_ += magic;
  out_ += static_cast<char>(type);
  out_ += '\0';
  auto size = static_cast<std::uint16_t>(body.size());
  out_.append(reinterpret_cast<const char*>(&size), sizeof(size));
  out_ += body;
}

/// @param tell_peer false after the peer has refused, because an answer to that is read by nobody
void handshake::fail(refusal why, std::string text, bool tell_peer) {
  if (tell_peer) {
    spi::writer body;
    body.put(why).put(std::string_view{text}.substr(0, handshake_text_bytes_max));
    send(message::refused, body.view());
  }
  state_ = state::failed;
  why_ = why;
  problem_ = {why == refusal::busy ? errc::busy : errc::refused, std::move(text)};
  in_.clear();
}

void handshake::refuse(refusal why, const std::string& text) {
  fail(why, text, true);
}

// -- receiving ----------------------------------------------------------------

handshake::state handshake::receive(std::string_view bytes) {
  if (state_ != state::running)
    return state_;
  in_.append(bytes.substr(0, handshake_message_bytes_max + 1 -
                                 std::min(in_.size(), handshake_message_bytes_max)));
  while (state_ == state::running) {
    auto known = std::min(in_.size(), magic.size());
    if (in_.compare(0, known, magic, 0, known) != 0) {
      fail(refusal::malformed, "the peer doesn't begin a handshake of this protocol", false);
      break;
    }
    if (in_.size() < header_bytes)
      break;
    auto type = static_cast<std::uint8_t>(in_[magic.size()]);
    auto size = header_bytes + body_bytes(in_);
    if (type > static_cast<std::uint8_t>(message::refused) || in_[magic.size() + 1] != 0 ||
        size > handshake_message_bytes_max) {
      fail(refusal::malformed, "the peer sends a handshake that can't be read", true);
      break;
    }
    if (in_.size() < size)
      break;
    auto whole = in_.substr(0, size);
    in_.erase(0, size);
    on_message(static_cast<message>(type), std::string_view{whole}.substr(header_bytes), whole);
  }
  if (state_ == state::done && side_ == side::acceptor && !in_.empty())
    fail(refusal::malformed, "the peer sends data before it is welcome", true);
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
    return on_challenge(body, whole);
  case message::confirmation:
    return on_confirmation(body);
  case message::welcome:
    return on_welcome(body);
  case message::refused:
    break;
  }
}

/// What a hello and a challenge begin with.
std::string handshake::introduction() const {
  spi::writer out;
  out.put(self_.wire_min).put(self_.wire_max).put(self_.plane).put(!secret_.empty());
  for (auto* text : {&self_.cluster, &self_.group, &self_.name, &self_.role})
    out.put(std::string_view{*text}.substr(0, handshake_text_bytes_max));
  auto bytes = out.take();
  bytes += text_of(fresh_);
  return bytes;
}

/// Takes the introduction from the front of the body. Later versions may append to it, so the wire
/// version is judged before the rest.
bool handshake::read_introduction(std::string_view& body) {
  spi::reader in{body};
  peer_.wire_min = in.get<std::uint32_t>();
  peer_.wire_max = in.get<std::uint32_t>();
  peer_.plane = in.get_enum(plane_last);
  peer_has_secret_ = in.get<bool>();
  for (auto* text : {&peer_.cluster, &peer_.group, &peer_.name, &peer_.role})
    *text = in.get_string(handshake_text_bytes_max);
  nonce ignored{}; // it counts as part of the transcript
  auto rest = in.rest();
  if (!in.ok() || !take(rest, ignored)) {
    fail(refusal::malformed, "the peer sends a handshake that can't be read", true);
    return false;
  }
  body = rest;
  return true;
}

void handshake::on_hello(std::string_view body, std::string_view whole) {
  if (!read_introduction(body))
    return;
  if (!take(body, peer_.link) || !body.empty())
    return fail(refusal::malformed, "the peer sends a handshake that can't be read", true);
  if (!accept_peer())
    return;
  if (peer_.link != link_id{})
    link_ = peer_.link;
  auto challenge = introduction();
  transcript_ = std::string{whole} + challenge;
  auto own = secret_.empty() ? proof{} : secret_.prove(acceptor_label, transcript_);
  challenge += text_of(own);
  send(message::challenge, challenge);
  awaited_ = message::confirmation;
}

void handshake::on_challenge(std::string_view body, std::string_view) {
  auto all = body;
  if (!read_introduction(body))
    return;
  proof theirs{};
  if (!take(body, theirs) || !body.empty())
    return fail(refusal::malformed, "the peer sends a handshake that can't be read", true);
  transcript_ += all.substr(0, all.size() - theirs.size());
  if (!accept_peer())
    return;
  if (!secret_.empty() && !equal(theirs, secret_.prove(acceptor_label, transcript_)))
    return fail(refusal::secret,
                fmt::format("{} and {} have different secrets; give both the same file",
                            describe(peer_), describe(self_)),
                true);
  auto own = secret_.empty() ? proof{} : secret_.prove(dialer_label, transcript_);
  send(message::confirmation, text_of(own));
  awaited_ = message::welcome;
}

void handshake::on_confirmation(std::string_view body) {
  proof theirs{};
  if (!take(body, theirs) || !body.empty())
    return fail(refusal::malformed, "the peer sends a handshake that can't be read", true);
  if (!secret_.empty() && !equal(theirs, secret_.prove(dialer_label, transcript_)))
    return fail(refusal::secret,
                fmt::format("{} and {} have different secrets; give both the same file",
                            describe(peer_), describe(self_)),
                true);
  spi::writer welcome;
  welcome.put(wire_version_);
  auto bytes = welcome.take();
  bytes += text_of(link_);
  send(message::welcome, bytes);
  state_ = state::done;
}

void handshake::on_welcome(std::string_view body) {
  spi::reader in{body.substr(0, std::min(body.size(), sizeof(wire_version_)))};
  auto chosen = in.get<std::uint32_t>();
  body.remove_prefix(std::min(body.size(), sizeof(wire_version_)));
  if (!in.done() || !take(body, link_) || !body.empty() || chosen < self_.wire_min ||
      chosen > self_.wire_max)
    return fail(refusal::malformed, "the peer sends a handshake that can't be read", true);
  wire_version_ = chosen;
  state_ = state::done;
}

void handshake::on_refused(std::string_view body) {
  spi::reader in{body};
  auto why = in.get_enum(refusal_last);
  auto text = in.get_string(handshake_text_bytes_max);
  if (!in.done())
    return fail(refusal::malformed, "the peer sends a handshake that can't be read", false);
  // The text goes into logs and to terminals.
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  fail(why, std::move(text), false);
}

// -- judging ------------------------------------------------------------------

/// Checks all that can be checked before the proof; each end with the same rules.
bool handshake::accept_peer() {
  auto& dialer = side_ == side::dialer ? self_ : peer_;
  auto& acceptor = side_ == side::dialer ? peer_ : self_;
  auto no = [&](refusal why, std::string text) {
    fail(why, std::move(text), true);
    return false;
  };
  if (std::max(self_.wire_min, peer_.wire_min) > std::min(self_.wire_max, peer_.wire_max))
    return no(refusal::version,
              fmt::format("{} speaks wire version {}, {} speaks {}: they are of different releases",
                          describe(dialer), versions(dialer), describe(acceptor),
                          versions(acceptor)));
  wire_version_ = std::min(self_.wire_max, peer_.wire_max);
  if (self_.cluster != peer_.cluster)
    return no(refusal::cluster,
              fmt::format("{} has the cluster name '{}', {} has '{}'", describe(dialer),
                          dialer.cluster, describe(acceptor), acceptor.cluster));
  if (self_.plane != peer_.plane)
    return no(refusal::plane,
              fmt::format("{} opens a connection for {} messages, and the port of {} is for {}: is "
                          "the address of another port meant?",
                          describe(dialer), to_string(dialer.plane), describe(acceptor),
                          to_string(acceptor.plane)));
  if (!self_.group.empty() && !peer_.group.empty() && self_.group != peer_.group)
    return no(refusal::cluster,
              fmt::format("{} belongs to the group {}, {} to {}: the two were founded apart",
                          describe(dialer), dialer.group, describe(acceptor), acceptor.group));
  if (peer_has_secret_ != !secret_.empty()) {
    auto& without = secret_.empty() ? self_ : peer_;
    auto& with = secret_.empty() ? peer_ : self_;
    return no(refusal::secret,
              fmt::format("{} demands the cluster's secret, and {} has none; name its file in "
                          "cluster.secret_file",
                          describe(with), describe(without)));
  }
  return true;
}

} // namespace atl::net
