#include <atoll/runtime/calls.hpp>
#include <atoll/runtime/runtime_limits.hpp>
#include <atoll/spi/codec.hpp>

#include <type_traits>

namespace atl::runtime {

namespace {

constexpr std::size_t name_bytes_max = 256;

/// Decodes a list of elements that `read` reads; none unless `bytes` is exactly such a list.
template <class Read>
auto decode_list(std::string_view bytes, std::size_t least_bytes, std::size_t limit, Read read) {
  spi::reader in{bytes};
  std::vector<std::invoke_result_t<Read, spi::reader&>> list;
  auto count = in.get_count(least_bytes);
  if (count > limit)
    in.fail();
  for (std::uint32_t i = 0; in.ok() && i < count; ++i)
    list.push_back(read(in));
  return in.done() ? std::optional{std::move(list)} : std::nullopt;
}

} // namespace

std::string encode(const std::vector<client_call>& calls) {
  spi::writer out;
  out.put(static_cast<std::uint32_t>(calls.size()));
  for (auto& it : calls)
    out.put(it.id).put(it.kind).put(it.body);
  return out.take();
}

std::optional<std::vector<client_call>> decode_calls(std::string_view bytes) {
  return decode_list(bytes, 14, calls_together_max, [](spi::reader& in) {
    client_call it;
    it.id = in.get<std::uint64_t>();
    it.kind = static_cast<message_kind>(in.get<std::uint16_t>());
    it.body = in.get_string();
    if (it.kind != message_kind::command && it.kind != message_kind::query)
      in.fail();
    return it;
  });
}

std::string encode(const std::vector<client_response>& answers) {
  spi::writer out;
  out.put(static_cast<std::uint32_t>(answers.size()));
  for (auto& it : answers)
    out.put(it.id).put(encode(it.answer));
  return out.take();
}

std::optional<std::vector<client_response>> decode_responses(std::string_view bytes) {
  return decode_list(bytes, 12, calls_together_max, [](spi::reader& in) {
    auto id = in.get<std::uint64_t>();
    return client_response{id, decode_reply(in.get_text())};
  });
}

std::string encode(const local_response& answer) {
  spi::writer out;
  out.put(answer.applied).put(answer.response);
  return out.take();
}

std::optional<local_response> decode_local_response(std::string_view bytes) {
  spi::reader in{bytes};
  auto applied = in.get<spi::log_index>();
  local_response answer{applied, in.get_string()};
  return in.done() ? std::optional{std::move(answer)} : std::nullopt;
}

std::string encode(const std::vector<known_replica>& members) {
  spi::writer out;
  out.put(static_cast<std::uint32_t>(members.size()));
  for (auto& it : members)
    out.put(it.id).put(it.name).put(it.where.host).put(it.where.port);
  return out.take();
}

std::optional<std::vector<known_replica>> decode_group(std::string_view bytes) {
  return decode_list(bytes, 14, known_replicas_max, [](spi::reader& in) {
    known_replica it;
    it.id = in.get<spi::replica_id>();
    it.name = in.get_string(name_bytes_max);
    it.where.host = in.get_string(name_bytes_max);
    it.where.port = in.get<std::uint16_t>();
    return it;
  });
}

} // namespace atl::runtime
