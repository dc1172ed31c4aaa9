#include <atoll/core/state/group_members.hpp>
#include <atoll/node/group_status.hpp>
#include <atoll/spi/codec.hpp>

#include <utility>

namespace atl::node {

namespace {

using spi::reader;
using spi::writer;

constexpr std::uint8_t version = 1;
constexpr std::size_t list_max = 1024;
constexpr std::size_t text_bytes_max = 64 << 10;
constexpr auto role_last = spi::replica_role::learner;

void write(writer& out, const std::vector<spi::replica_id>& ids) {
  out.put(static_cast<std::uint32_t>(ids.size()));
  for (auto id : ids)
    out.put(id);
}
void read(reader& in, std::vector<spi::replica_id>& ids) {
  auto count = in.get_count(sizeof(spi::replica_id));
  for (std::uint32_t i = 0; in.ok() && i < count; ++i)
    ids.push_back(in.get<spi::replica_id>());
}

/// A list of pairs of texts is read within its bounds.
template <class Add>
void read_pairs(reader& in, Add add) {
  auto count = in.get_count(2 * sizeof(std::uint32_t));
  if (count > list_max)
    in.fail();
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    auto first = in.get_string(text_bytes_max);
    auto second = in.get_string(text_bytes_max);
    add(std::move(first), std::move(second));
  }
}

} // namespace

std::string encode(const group_status& status) {
  writer out;
  out.put(version).put(encode(status.self)).put(status.group).put(status.waits_for);
  out.put(static_cast<std::uint8_t>(status.role)).put(status.term).put(status.leader);
  out.put(status.committed).put(status.applied).put(status.blocked);
  write(out, status.voters);
  write(out, status.learners);
  out.put(runtime::encode(status.known));
  out.put(static_cast<std::uint32_t>(status.admitted.size()));
  for (auto& member : status.admitted)
    out.put(encode(member));
  out.put(static_cast<std::uint32_t>(status.turned_away.size()));
  for (auto& node : status.turned_away)
    out.put(node.name).put(node.why);
  out.put(static_cast<std::uint32_t>(status.settings.size()));
  for (auto& [key, value] : status.settings)
    out.put(key).put(value);
  return out.take();
}

result<group_status> decode_group_status(std::string_view bytes) {
  reader in{bytes};
  group_status status;
  if (in.get<std::uint8_t>() != version)
    in.fail();
  auto self = decode_member_identity(in.get_string(text_bytes_max));
  status.group = in.get_string(text_bytes_max);
  status.waits_for = in.get_string(text_bytes_max);
  auto role = in.get<std::uint8_t>();
  status.term = in.get<std::uint64_t>();
  status.leader = in.get<spi::replica_id>();
  status.committed = in.get<spi::log_index>();
  status.applied = in.get<spi::log_index>();
  status.blocked = in.get_string(text_bytes_max);
  read(in, status.voters);
  read(in, status.learners);
  auto known = runtime::decode_group(in.get_string(text_bytes_max));
  auto members = in.get_count(sizeof(std::uint32_t));
  for (std::uint32_t i = 0; in.ok() && i < members; ++i) {
    auto member = decode_member_identity(in.get_string(text_bytes_max));
    if (!member || i >= admitted_members_max)
      in.fail();
    else
      status.admitted.push_back(std::move(*member));
  }
  read_pairs(in, [&](auto name, auto why) {
    status.turned_away.push_back({std::move(name), std::move(why)});
  });
  read_pairs(in, [&](auto key, auto value) { status.settings[std::move(key)] = std::move(value); });
  if (!in.done() || !self || !known || role > static_cast<std::uint8_t>(role_last))
    return fail(errc::corrupt, "a member's status of its group that can't be read");
  status.self = std::move(*self);
  status.known = std::move(*known);
  status.role = static_cast<spi::replica_role>(role);
  return status;
}

} // namespace atl::node
