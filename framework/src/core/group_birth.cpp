#include <atoll/core/group_birth.hpp>
#include <atoll/spi/codec.hpp>

namespace atl {

namespace {

using spi::reader;
using spi::writer;

constexpr std::uint8_t certificate_version = 1;
constexpr std::size_t text_bytes_max = 16 << 10;
constexpr std::size_t name_bytes_max = 256;
constexpr std::size_t settings_max = 64;
constexpr std::size_t members_max = 256;

void write(writer& out, const member_identity& member) {
  out.put(member.id).put(member.name).put(member.address).put(member.folder);
}
void read(reader& in, member_identity& member) {
  member.id = in.get<spi::replica_id>();
  member.name = in.get_string(name_bytes_max);
  member.address = in.get_string(name_bytes_max);
  member.folder = in.get_string(name_bytes_max);
}

void write(writer& out, const lasting_settings& settings) {
  out.put(static_cast<std::uint32_t>(settings.size()));
  for (auto& [name, value] : settings)
    out.put(name).put(value);
}
void read(reader& in, lasting_settings& settings) {
  auto count = in.get_count();
  if (count > settings_max)
    in.fail();
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    auto name = in.get_string(name_bytes_max);
    settings[name] = in.get_string(text_bytes_max);
  }
}

void write(writer& out, const group_birth& birth) {
  out.put(certificate_version).put(birth.group).put(birth.cluster).put(birth.protocol);
  write(out, birth.lasting);
  out.put(static_cast<std::uint32_t>(birth.founders.size()));
  for (auto& founder : birth.founders)
    write(out, founder);
}
void read(reader& in, group_birth& birth) {
  if (in.get<std::uint8_t>() != certificate_version)
    in.fail();
  birth.group = in.get_string(name_bytes_max);
  birth.cluster = in.get_string(name_bytes_max);
  birth.protocol = in.get_string(name_bytes_max);
  read(in, birth.lasting);
  auto count = in.get_count();
  if (count > members_max || birth.group.empty())
    in.fail();
  for (std::uint32_t i = 0; in.ok() && i < count; ++i)
    read(in, birth.founders.emplace_back());
}

void write(writer& out, const membership_query& query) {
  write(out, query.self);
  out.put(query.cluster);
  write(out, query.consensus);
  out.put(query.founders);
  write(out, query.lasting);
  out.put(query.founding_ordered);
}
void read(reader& in, membership_query& query) {
  read(in, query.self);
  query.cluster = in.get_string(name_bytes_max);
  query.consensus = read_consensus_identity(in);
  query.founders = in.get_string(text_bytes_max);
  read(in, query.lasting);
  query.founding_ordered = in.get<bool>();
}

template <class T>
std::string encoded(const T& value) {
  writer out;
  write(out, value);
  return out.take();
}

template <class T>
result<T> decoded(std::string_view bytes, std::string_view what) {
  reader in{bytes};
  T value;
  read(in, value);
  if (!in.done())
    return fail(errc::corrupt, std::string{what} + " that can't be read");
  return value;
}

} // namespace

std::string encode(const member_identity& member) {
  return encoded(member);
}
result<member_identity> decode_member_identity(std::string_view bytes) {
  return decoded<member_identity>(bytes, "a member of a group");
}

std::string encode(const group_birth& birth) {
  return encoded(birth);
}
result<group_birth> decode_group_birth(std::string_view bytes) {
  return decoded<group_birth>(bytes, "a group's birth certificate");
}

std::string encode(const membership_query& query) {
  return encoded(query);
}
result<membership_query> decode_membership_query(std::string_view bytes) {
  return decoded<membership_query>(bytes, "a query for membership");
}

std::string encode(const membership_response& answer) {
  writer out;
  write(out, answer.peer);
  out.put(answer.birth.has_value());
  if (answer.birth)
    write(out, *answer.birth);
  out.put(answer.admitted_as);
  return out.take();
}
result<membership_response> decode_membership_response(std::string_view bytes) {
  reader in{bytes};
  membership_response answer;
  read(in, answer.peer);
  if (in.get<bool>())
    read(in, answer.birth.emplace());
  answer.admitted_as = in.get<spi::replica_id>();
  if (!in.done())
    return fail(errc::corrupt, "an answer about membership that can't be read");
  return answer;
}

std::vector<spi::replica_id> voters_of(const group_birth& birth) {
  std::vector<spi::replica_id> voters;
  for (auto& founder : birth.founders)
    voters.push_back(founder.id);
  return voters;
}

} // namespace atl
