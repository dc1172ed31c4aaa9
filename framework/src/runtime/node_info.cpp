#include <atoll/runtime/node_info.hpp>
#include <atoll/spi/codec.hpp>

#include <fmt/format.h>

namespace atl::runtime {

namespace {

constexpr std::size_t name_bytes_max = 256;

/// FNV-1a over several texts. Detects accidental differences; not a defence against texts that are
/// made to collide.
std::uint64_t digest(std::initializer_list<std::string_view> texts) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (auto text : texts) {
    for (unsigned char c : text)
      hash = (hash ^ c) * 0x100000001b3;
    hash = (hash ^ 0x1f) * 0x100000001b3;
  }
  return hash;
}

void write(spi::writer& out, const replica_mark& mark) {
  out.put(mark.incarnation).put(mark.term).put(mark.entry).put(mark.short_of_space);
}

replica_mark read_mark(spi::reader& in) {
  replica_mark mark;
  mark.incarnation = in.get<std::uint64_t>();
  mark.term = in.get<std::uint64_t>();
  mark.entry = in.get<spi::log_index>();
  mark.short_of_space = in.get<bool>();
  return mark;
}

} // namespace

std::string encode(const node_info& info) {
  spi::writer out;
  out.put(info.wire.min).put(info.wire.max);
  out.put(info.cluster).put(info.name).put(info.role);
  out.put(info.replica);
  write(out, info.consensus);
  out.put(info.address).put(info.group).put(info.folder);
  write(out, info.mark);
  return out.take();
}

std::string encode(const replica_mark& mark, spi::replica_id of) {
  spi::writer out;
  out.put(of);
  write(out, mark);
  return out.take();
}

std::optional<std::pair<spi::replica_id, replica_mark>> decode_mark(std::string_view bytes) {
  spi::reader in{bytes};
  auto of = in.get<spi::replica_id>();
  auto mark = read_mark(in);
  return in.done() ? std::optional{std::pair{of, mark}} : std::nullopt;
}

/// A node that speaks a newer version as well may append fields that this program doesn't know.
result<node_info> decode_node_info(std::string_view bytes, const spi::version_range& mine) {
  spi::reader in{bytes};
  node_info info;
  info.wire.min = in.get<std::uint32_t>();
  info.wire.max = in.get<std::uint32_t>();
  if (in.ok() && !common_version(info.wire, mine))
    return fail(errc::refused,
                fmt::format("the other node speaks wire version {}, this one {}: run releases that "
                            "have a version in common",
                            to_string(info.wire), to_string(mine)));
  info.cluster = in.get_string(name_bytes_max);
  info.name = in.get_string(name_bytes_max);
  info.role = in.get_string(name_bytes_max);
  info.replica = in.get<spi::replica_id>();
  info.consensus = read_consensus_identity(in);
  info.address = in.get_string(name_bytes_max);
  info.group = in.get_string(name_bytes_max);
  info.folder = in.get_string(name_bytes_max);
  info.mark = read_mark(in);
  if (!in.ok() || (!in.rest().empty() && info.wire.max <= mine.max))
    return fail(errc::corrupt, "a malformed handshake");
  return info;
}

std::string incompatibility(const node_info& mine, const node_info& theirs) {
  if (mine.cluster != theirs.cluster)
    return fmt::format("{} has the cluster name '{}', {} has '{}'", mine.name, mine.cluster,
                       theirs.name, theirs.cluster);
  if (mine.replica == 0 || theirs.replica == 0)
    return {};
  if (auto why = difference(mine.consensus, mine.name, theirs.consensus, theirs.name); !why.empty())
    return why;
  if (!mine.group.empty() && !theirs.group.empty() && mine.group != theirs.group)
    return fmt::format(
        "{} belongs to the group {}, {} to {}: the two were founded apart, so one of "
        "them has a wrong disk or another cluster's file",
        mine.name, mine.group, theirs.name, theirs.group);
  if (mine.replica == theirs.replica)
    return fmt::format("{} and {} are both master {}", mine.name, theirs.name, mine.replica);
  return {};
}

std::uint64_t cluster_digest(const node_info& info) {
  return digest({info.cluster});
}

std::uint64_t group_digest(const node_info& info) {
  return digest({info.cluster, info.consensus.plugin, info.group});
}

} // namespace atl::runtime
