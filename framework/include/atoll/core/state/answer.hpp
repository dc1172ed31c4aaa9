#pragma once

#include <atoll/core/error.hpp>
#include <atoll/spi/codec.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// The answers of a service to commands and queries: a version, a tag, and the content. Tag 0 is an
/// error; all other tags are the application's, which tells its kinds of answers apart by them.
namespace atl {

inline constexpr std::uint8_t error_answer_tag = 0;
inline constexpr std::uint8_t plain_answer_tag = 1;

/// A longer message of an error is cut.
inline constexpr std::size_t answer_error_bytes_max = 1008;

/// An error, with which the command has changed nothing.
std::string encode_answer(const error& problem);
/// @param tag not 0
std::string encode_answer(std::string_view content, std::uint8_t tag = plain_answer_tag);

/// Writes the head of an answer; the content follows.
void begin_answer(spi::writer& out, std::uint8_t tag);
/// Reads the head of an answer with the tag, from bytes that may be hostile; the content follows.
/// @returns the error in the answer; `errc::corrupt` if the bytes are no such answer.
status read_answer_head(spi::reader& in, std::uint8_t tag);
/// That an answer's bytes can't be read.
error malformed_answer();

/// The content of an answer that `encode_answer` made with the tag. Reads hostile bytes.
/// @returns the error in the answer; `errc::corrupt` if the bytes are no such answer.
result<std::string> decode_answer(std::string_view bytes, std::uint8_t tag = plain_answer_tag);

/// The answer to a command of a session that isn't known (any more).
error session_expired(std::string_view why);
/// Did the command fail because its session is unknown? Then nothing was done now, and whether an
/// earlier attempt took effect isn't known any more. The client goes on under another session.
bool is_session_expired(const error& error);
/// Likewise, of an answer's bytes.
bool is_session_expired(std::string_view answer);

} // namespace atl
