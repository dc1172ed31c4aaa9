#pragma once

#include <algorithm>
#include <random>
#include <string>
#include <vector>

/// What programs that are no nodes send to an open port first.
namespace strangers {

struct stranger {
  const char* name;
  std::string bytes;
};

/// The header of a message of CAF's broker protocol: 32 bytes, numbers in network order.
inline std::string caf_header(char operation, std::uint32_t payload) {
  std::string header(32, '\0');
  header[0] = 1; // this kind of message
  header[3] = operation;
  for (int i = 0; i < 4; ++i)
    header[4 + static_cast<std::size_t>(i)] = static_cast<char>(payload >> (24 - 8 * i));
  header[15] = 0x19;
  return header;
}

inline std::string random_bytes(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random{seed};
  std::string out(size, '\0');
  std::generate(out.begin(), out.end(), [&] { return static_cast<char>(random()); });
  return out;
}

inline const std::vector<stranger>& all() {
  static const std::vector<stranger> made{
      {"CAF, a handshake", caf_header(1, 0x19) + std::string(25, '\x2a')},
      {"CAF, 4 GiB announced", caf_header(1, 0xffff'ffff)},
      {"CAF, a heartbeat", caf_header(5, 0)},
      {"HTTP", "GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: curl/8.0\r\n\r\n"},
      {"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
      {"TLS",
       std::string{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11} + random_bytes(506, 1)},
      {"SSH", "SSH-2.0-OpenSSH_9.6\r\n"},
      {"a key", "\n"},
      {"zeros", std::string(4096, '\0')},
      {"nearly a handshake", "ATOM" + std::string(100, '\0')},
      {"random bytes", random_bytes(1 << 16, 2)},
  };
  return made;
}

} // namespace strangers
