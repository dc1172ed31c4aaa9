#include <atoll/core/state/answer.hpp>

namespace atl {

namespace {

constexpr std::uint8_t answer_version = 1;
/// Begins the message of a command whose session is unknown.
constexpr std::string_view expired = "session expired";

} // namespace

void begin_answer(spi::writer& out, std::uint8_t tag) {
  out.put(answer_version).put(tag);
}

std::string encode_answer(const error& problem) {
  spi::writer out;
  begin_answer(out, error_answer_tag);
  out.put(problem.code).put(std::string_view{problem.message}.substr(0, answer_error_bytes_max));
  return out.take();
}

std::string encode_answer(std::string_view content, std::uint8_t tag) {
  spi::writer out;
  begin_answer(out, tag);
  auto bytes = out.take();
  bytes.append(content);
  return bytes;
}

status read_answer_head(spi::reader& in, std::uint8_t tag) {
  auto version = in.get<std::uint8_t>();
  auto found = in.get<std::uint8_t>();
  if (version != answer_version || (found != error_answer_tag && found != tag))
    return tl::unexpected{malformed_answer()};
  if (found == tag)
    return {};
  error problem;
  problem.code = in.get_enum(errc_last);
  problem.message = in.get_string(answer_error_bytes_max);
  return tl::unexpected{in.done() ? problem : malformed_answer()};
}

error malformed_answer() {
  return {errc::corrupt, "the service's answer can't be read: it is damaged, or from another "
                         "release; bring client and nodes to the same one"};
}

result<std::string> decode_answer(std::string_view bytes, std::uint8_t tag) {
  spi::reader in{bytes};
  if (auto head = read_answer_head(in, tag); !head)
    return tl::unexpected{head.error()};
  return std::string{in.rest()};
}

error session_expired(std::string_view why) {
  return {errc::refused, std::string{expired} + ": " + std::string{why}};
}

bool is_session_expired(const error& error) {
  return error.code == errc::refused && std::string_view{error.message}.starts_with(expired);
}

bool is_session_expired(std::string_view answer) {
  if (answer.size() < 2 || static_cast<std::uint8_t>(answer[1]) != error_answer_tag)
    return false;
  auto decoded = decode_answer(answer);
  return !decoded && is_session_expired(decoded.error());
}

} // namespace atl
