#include <atoll/core/state/answer.hpp>
#include <atoll/core/state/group_members.hpp>
#include <atoll/spi/codec.hpp>

namespace atl {

result<spi::replica_id> decode_admission(std::string_view answer) {
  auto content = decode_answer(answer);
  if (!content)
    return tl::unexpected{content.error()};
  spi::reader in{*content};
  auto id = in.get<spi::replica_id>();
  if (!in.done() || id == 0)
    return tl::unexpected{malformed_answer()};
  return id;
}

std::string members_query() {
  return std::string(1, static_cast<char>(framework_types_begin));
}

result<std::vector<member_identity>> decode_members(std::string_view answer) {
  auto content = decode_answer(answer);
  if (!content)
    return tl::unexpected{content.error()};
  spi::reader in{*content};
  auto count = in.get_count();
  std::vector<member_identity> members;
  if (count > admitted_members_max)
    in.fail();
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    auto member = decode_member_identity(in.get_string(4 * member_text_bytes_max));
    if (!member)
      return tl::unexpected{malformed_answer()};
    members.push_back(std::move(*member));
  }
  if (!in.done())
    return tl::unexpected{malformed_answer()};
  return members;
}

} // namespace atl
