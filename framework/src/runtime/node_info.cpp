#include <atoll/core/spelling_suggestion.hpp>
#include <atoll/runtime/node_info.hpp>
#include <atoll/runtime/runtime_limits.hpp>
#include <atoll/spi/codec.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace atl::runtime {

namespace {

constexpr std::size_t name_bytes_max = 256;
constexpr std::size_t reason_bytes_max = 4096;
/// Replica id and mark.
constexpr std::size_t mark_bytes = 4 + 25;

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

void write(spi::writer& out, const role_info& role) {
  out.put(role.name).put(role.replica);
  write(out, role.consensus);
  out.put(role.group);
  write(out, role.mark);
}

role_info read_role(spi::reader& in) {
  role_info role;
  role.name = in.get_string(role_name_bytes_max);
  role.replica = in.get<spi::replica_id>();
  role.consensus = read_consensus_identity(in);
  role.group = in.get_string(name_bytes_max);
  role.mark = read_mark(in);
  return role;
}

void write(spi::writer& out, const node_info& info) {
  out.put(info.wire.min).put(info.wire.max);
  out.put(info.cluster).put(info.name).put(info.address).put(info.folder);
  out.put(static_cast<std::uint32_t>(info.roles.size()));
  for (auto& role : info.roles)
    write(out, role);
}

/// A list of at most `roles_max` items.
template <class Item>
void read_list(spi::reader& in, std::size_t least_bytes, std::vector<Item>& list,
               Item (*read)(spi::reader&)) {
  auto count = in.get_count(least_bytes);
  if (count > roles_max)
    in.fail();
  for (std::uint32_t i = 0; in.ok() && i < count; ++i)
    list.push_back(read(in));
}

result<node_info> read_node_info(spi::reader& in, const spi::version_range& mine) {
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
  info.address = in.get_string(name_bytes_max);
  info.folder = in.get_string(name_bytes_max);
  read_list(in, 4 + mark_bytes, info.roles, &read_role);
  return info;
}

/// Was everything read? A node that speaks a newer version as well may append fields that this
/// program doesn't know.
bool is_read(const spi::reader& in, const spi::version_range& theirs,
             const spi::version_range& mine) {
  return in.ok() && (in.rest().empty() || theirs.max > mine.max);
}

role_refusal read_refusal(spi::reader& in) {
  role_refusal it;
  it.role = in.get_string(role_name_bytes_max);
  it.why.code = in.get_enum(errc_last);
  it.why.message = in.get_string(reason_bytes_max);
  return it;
}

role_mark read_role_mark(spi::reader& in) {
  role_mark it;
  it.role = in.get_string(role_name_bytes_max);
  it.replica = in.get<spi::replica_id>();
  it.mark = read_mark(in);
  return it;
}

} // namespace

const role_info* node_info::find_role(std::string_view role) const {
  auto found = std::ranges::find(roles, role, &role_info::name);
  return found == roles.end() ? nullptr : &*found;
}

std::string encode(const node_info& info) {
  spi::writer out;
  write(out, info);
  return out.take();
}

result<node_info> decode_node_info(std::string_view bytes, const spi::version_range& mine) {
  spi::reader in{bytes};
  auto info = read_node_info(in, mine);
  if (info && !is_read(in, info->wire, mine))
    return fail(errc::corrupt, "a malformed handshake");
  return info;
}

std::string encode(const handshake_response& response) {
  spi::writer out;
  out.put(encode(response.self));
  out.put(static_cast<std::uint32_t>(response.refused.size()));
  for (auto& it : response.refused)
    out.put(it.role).put(it.why.code).put(it.why.message.substr(0, reason_bytes_max));
  return out.take();
}

result<handshake_response> decode_handshake_response(std::string_view bytes,
                                                     const spi::version_range& mine) {
  spi::reader in{bytes};
  auto self = in.get_text();
  if (!in.ok())
    return fail(errc::corrupt, "a malformed answer to a handshake");
  auto info = decode_node_info(self, mine);
  if (!info)
    return tl::unexpected{info.error()};
  handshake_response response{std::move(*info), {}};
  read_list(in, 10, response.refused, &read_refusal);
  if (!is_read(in, response.self.wire, mine))
    return fail(errc::corrupt, "a malformed answer to a handshake");
  return response;
}

std::string encode_marks(const std::vector<role_mark>& marks) {
  spi::writer out;
  out.put(static_cast<std::uint32_t>(marks.size()));
  for (auto& it : marks) {
    out.put(it.role).put(it.replica);
    write(out, it.mark);
  }
  return out.take();
}

std::optional<std::vector<role_mark>> decode_marks(std::string_view bytes) {
  spi::reader in{bytes};
  std::vector<role_mark> marks;
  read_list(in, 4 + mark_bytes, marks, &read_role_mark);
  return in.done() ? std::optional{std::move(marks)} : std::nullopt;
}

std::string encode_description_version(std::uint64_t version) {
  spi::writer out;
  out.put(version);
  return out.take();
}

std::optional<std::uint64_t> decode_description_version(std::string_view bytes) {
  spi::reader in{bytes};
  auto version = in.get<std::uint64_t>();
  return in.done() ? std::optional{version} : std::nullopt;
}

std::string incompatibility(const node_info& mine, const node_info& theirs) {
  return mine.cluster == theirs.cluster
             ? std::string{}
             : fmt::format("{} has the cluster name '{}', {} has '{}'", mine.name, mine.cluster,
                           theirs.name, theirs.cluster);
}

std::string incompatibility(const node_info& mine, const node_info& theirs, std::string_view role) {
  auto* own = mine.find_role(role);
  auto* other = theirs.find_role(role);
  if (own == nullptr || other == nullptr || own->replica == 0 || other->replica == 0)
    return {};
  if (auto why = difference(own->consensus, mine.name, other->consensus, theirs.name); !why.empty())
    return why;
  if (!own->group.empty() && !other->group.empty() && own->group != other->group)
    return fmt::format(
        "{} belongs to the group {}, {} to {}: the two were founded apart, so one of "
        "them has a wrong disk or another cluster's file",
        mine.name, own->group, theirs.name, other->group);
  if (own->replica == other->replica)
    return fmt::format("{} and {} are both {} {}", mine.name, theirs.name, role, own->replica);
  return {};
}

bool is_same_node(const node_info& mine, const node_info& theirs) {
  return !mine.folder.empty() && mine.folder == theirs.folder && mine.name == theirs.name &&
         mine.address == theirs.address;
}

std::string describe_missing_role(std::string_view node, std::string_view wanted,
                                  const std::vector<std::string>& present) {
  auto has = present.empty() ? "it has no role"
                             : fmt::format("it has: {}{}", fmt::join(present, ", "),
                                           did_you_mean(wanted, present));
  return wanted.empty()
             ? fmt::format("{}: the message names no role of this node; {}", node, has)
             : fmt::format("{}: this node doesn't have the role '{}'; {}", node, wanted, has);
}

std::string describe_missing_role(const node_info& node, std::string_view wanted) {
  std::vector<std::string> present;
  for (auto& role : node.roles)
    present.push_back(role.name);
  return describe_missing_role(node.name, wanted, present);
}

std::uint64_t cluster_digest(const node_info& info) {
  return digest({info.cluster});
}

std::uint64_t group_digest(const node_info& info, const role_info& role) {
  return digest({info.cluster, role.consensus.plugin, role.group});
}

} // namespace atl::runtime
