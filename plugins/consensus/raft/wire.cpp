#include "wire.hpp"

namespace atl::raft {

// Not in an unnamed namespace: `message_codec.hpp` finds these by the types of their arguments.

static void put_head(spi::writer& out, const append_request& it, std::size_t count) {
  leader_based::put_fields(out, it, append_request::head);
  out.put(static_cast<std::uint32_t>(count));
}
static void put(spi::writer& out, const append_request& it) {
  put_head(out, it, it.entries.size());
  for (auto& entry : it.entries)
    put(out, entry);
}

static void get(spi::reader& in, append_request& it) {
  leader_based::get_fields(in, it, append_request::head);
  auto count = in.get_count(13);
  it.entries.reserve(count);
  for (std::uint32_t i = 0; in.ok() && i < count; ++i)
    get(in, it.entries.emplace_back());
}

std::string encode(std::uint64_t term, const body& what) {
  return leader_based::encode_message(term, what);
}

std::string encode_append(std::uint64_t term, const append_request& head, const entry_log& log,
                          spi::log_index first, std::size_t count) {
  spi::writer out;
  leader_based::put_header<body>(out, body{append_request{}}.index(), term);
  put_head(out, head, count);
  for (std::size_t i = 0; i < count; ++i)
    put(out, log.at(first + i));
  return out.take();
}

std::optional<message> decode(std::string_view bytes) {
  auto it = leader_based::decode_message<body>(bytes);
  return it ? std::optional{message{it->first, std::move(it->second)}} : std::nullopt;
}

} // namespace atl::raft
