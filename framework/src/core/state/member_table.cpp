#include "member_table.hpp"

#include "state_rows.hpp"
#include "write_buffer.hpp"

#include <atoll/core/printable_text.hpp>
#include <atoll/core/state/answer.hpp>
#include <atoll/core/state/group_members.hpp>
#include <atoll/spi/codec.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace atl {

namespace {

bool is_member_text(std::string_view text) {
  return !text.empty() && text.size() <= member_text_bytes_max && is_utf8(text);
}

result<member_identity> read_admission(const service_command& command) {
  if (command.type != admit_member_type)
    return fail(errc::invalid,
                fmt::format("a command of type {}, which this release doesn't know", command.type));
  auto member = decode_member_identity(command.body);
  if (!member)
    return fail(errc::invalid, "an admission that can't be read");
  if (!is_member_text(member->name) || !is_member_text(member->address) ||
      !is_member_text(member->folder))
    return fail(errc::invalid,
                fmt::format("a member needs a name, an address and a data folder to be admitted, "
                            "each of 1 to {} bytes of UTF-8",
                            member_text_bytes_max));
  return std::move(*member);
}

} // namespace

std::string member_table::apply(const service_command& command) {
  auto wanted = read_admission(command);
  if (!wanted)
    return encode_answer(wanted.error());
  auto id = admit(*wanted);
  if (!id)
    return encode_answer(id.error());
  spi::writer out;
  out.put(*id);
  return encode_answer(out.take());
}

result<spi::replica_id> member_table::admit(const member_identity& wanted) {
  auto members = state_.members();
  if (auto same = std::ranges::find(members, wanted.folder, &member_identity::folder);
      same != members.end())
    return same->id;
  if (members.size() >= admitted_members_max)
    return fail(errc::refused,
                fmt::format("{} members were admitted already, the most that are possible",
                            members.size()));
  auto admitted = wanted;
  if (admitted.id == 0)
    admitted.id = members.empty() ? 1 : members.back().id + 1;
  if (admitted.id == 0) // the ids are used up
    return fail(errc::refused, "the largest of all ids is given already: no further member can be "
                               "admitted without an id of its own");
  if (auto other = std::ranges::find(members, admitted.id, &member_identity::id);
      other != members.end())
    return fail(errc::refused,
                fmt::format("id {} belongs to the data folder {} of '{}' for good, since that one "
                            "may have made promises under it: replace '{}' in the group, which "
                            "gives this folder an id of its own",
                            admitted.id, other->folder, other->name, wanted.name));
  state_.parts_.buffer.put(state_keys::member(admitted.id), encode(admitted));
  return admitted.id;
}

std::optional<error> check_framework_command(const service_command& command) {
  auto admission = read_admission(command);
  return admission ? std::nullopt : std::optional{admission.error()};
}

status put_birth(write_buffer& rows, const std::string& birth) {
  if (birth.empty())
    return {};
  auto certificate = decode_group_birth(birth);
  if (!certificate)
    return tl::unexpected{certificate.error()};
  rows.put(state_keys::birth(), birth);
  for (auto& founder : certificate->founders)
    rows.put(state_keys::member(founder.id), encode(founder));
  return {};
}

std::string answer_framework_query(row_reader& state, std::string_view query) {
  if (query != members_query())
    return encode_answer(error{errc::invalid, "a query that this release doesn't know"});
  auto members = state.members();
  spi::writer out;
  out.put(static_cast<std::uint32_t>(members.size()));
  for (auto& member : members)
    out.put(encode(member));
  return encode_answer(out.take());
}

} // namespace atl
