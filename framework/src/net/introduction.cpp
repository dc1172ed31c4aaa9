#include "handshake_bytes.hpp"

#include <atoll/net/handshake.hpp>
#include <atoll/net/net_limits.hpp>
#include <atoll/spi/codec.hpp>

#include <fmt/format.h>

/// What each end says about itself at the start of the handshake, and what the other end makes of
/// it.
namespace atl::net {

std::string describe(const identity& who) {
  auto role = who.role.empty() ? "a caller" : who.role;
  return who.name.empty() ? role : fmt::format("{} ({})", who.name, role);
}

/// What a hello and a challenge begin with.
std::string handshake::introduction() const {
  spi::writer out;
  out.put(self_.wire.min).put(self_.wire.max).put(self_.plane).put(!secret_.empty());
  for (auto* text : {&self_.cluster, &self_.group, &self_.name, &self_.role})
    out.put(std::string_view{*text}.substr(0, handshake_text_bytes_max));
  auto bytes = out.take();
  bytes += text_of(fresh_);
  return bytes;
}

/// Takes the introduction from the front of the body. Another version may have added to it, so the
/// version is judged even if the rest can't be read.
bool handshake::read_introduction(std::string_view& body) {
  spi::reader in{body};
  peer_.wire.min = in.get<std::uint32_t>();
  peer_.wire.max = in.get<std::uint32_t>();
  auto has_versions = in.ok();
  peer_.plane = in.get_enum(plane_last);
  peer_has_secret_ = in.get<bool>();
  for (auto* text : {&peer_.cluster, &peer_.group, &peer_.name, &peer_.role})
    *text = in.get_string(handshake_text_bytes_max);
  if (has_versions && !accept_version())
    return false;
  nonce ignored{}; // it counts as part of the transcript
  auto rest = in.rest();
  if (!in.ok() || !take(rest, ignored)) {
    malformed();
    return false;
  }
  body = rest;
  return true;
}

bool handshake::accept_version() {
  if (auto version = common_version(self_.wire, peer_.wire)) {
    wire_version_ = *version;
    return true;
  }
  auto& dialer = side_ == side::dialer ? self_ : peer_;
  auto& acceptor = side_ == side::dialer ? peer_ : self_;
  fail(refusal::version,
       fmt::format("{} speaks wire version {}, {} speaks {}: they are of different releases",
                   describe(dialer), to_string(dialer.wire), describe(acceptor),
                   to_string(acceptor.wire)),
       true);
  return false;
}

/// Checks all that can be checked before the proof; each end with the same rules.
bool handshake::accept_peer() {
  auto& dialer = side_ == side::dialer ? self_ : peer_;
  auto& acceptor = side_ == side::dialer ? peer_ : self_;
  auto no = [&](refusal why, std::string text) {
    fail(why, std::move(text), true);
    return false;
  };
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
