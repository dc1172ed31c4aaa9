#include <atoll/runtime/envelope.hpp>
#include <atoll/runtime/runtime_limits.hpp>
#include <atoll/spi/codec.hpp>

namespace atl::runtime {

std::string encode(const reply& answer) {
  spi::writer out;
  out.put(answer.value.has_value());
  if (answer.value) {
    out.put(*answer.value);
  } else {
    auto& problem = answer.value.error();
    out.put(problem.code).put(problem.message).put(answer.hint).put(answer.in_doubt);
  }
  return out.take();
}

reply decode_reply(std::string_view bytes) {
  spi::reader in{bytes};
  reply answer;
  if (in.get<bool>()) {
    answer.value = in.get_string(message_bytes_max);
  } else {
    error problem;
    problem.code = in.get_enum(errc_last);
    problem.message = in.get_string(message_bytes_max);
    answer.hint = in.get_string(512);
    answer.in_doubt = in.get<bool>();
    answer.value = tl::unexpected{std::move(problem)};
  }
  if (!in.done())
    return {fail(errc::corrupt, "the answer can't be read: is it a node of another version?"),
            {},
            true};
  return answer;
}

bool is_value(std::string_view reply_bytes) {
  spi::reader in{reply_bytes};
  auto has_value = in.get<bool>();
  in.get_text(message_bytes_max);
  return has_value && in.done();
}

envelope make_reply(const reply& answer) {
  return {message_kind::reply, 0, encode(answer)};
}

std::string encode(const deferred_call& call) {
  spi::writer out;
  out.put(call.id).put(call.kind).put(call.body);
  return out.take();
}

std::optional<deferred_call> decode_deferred_call(std::string_view bytes) {
  spi::reader in{bytes};
  deferred_call call;
  call.id = in.get<std::uint64_t>();
  call.kind = static_cast<message_kind>(in.get<std::uint16_t>());
  call.body = in.get_string();
  if (!in.done() || call.kind < message_kind::application)
    return std::nullopt;
  return call;
}

std::string encode(const completion& it) {
  spi::writer out;
  out.put(it.id).put(encode(it.outcome));
  return out.take();
}

std::optional<completion> decode_completion(std::string_view bytes) {
  spi::reader in{bytes};
  completion it;
  it.id = in.get<std::uint64_t>();
  it.outcome = decode_reply(in.get_text());
  return in.done() ? std::optional{std::move(it)} : std::nullopt;
}

} // namespace atl::runtime
