#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

/// Changes to the messages of a handshake.
namespace handshake_mutations {

using random_bits = std::mt19937_64;

inline constexpr std::size_t header_bytes = 8;

inline std::size_t below(random_bits& random, std::size_t bound) {
  return std::uniform_int_distribution<std::size_t>{0, bound - 1}(random);
}

/// Writes the length of the body into the header.
inline void set_length(std::string& message, std::size_t body) {
  auto size = static_cast<std::uint16_t>(body);
  std::memcpy(message.data() + 6, &size, sizeof(size));
}

/// One of many ways to change a message; `others` are messages to take parts from.
inline void mutate(std::string& message, const std::vector<std::string>& others,
                   random_bits& random) {
  switch (below(random, 8)) {
  case 0: // a few bits
    for (auto flips = 1 + below(random, 4); flips > 0 && !message.empty(); --flips)
      message[below(random, message.size())] ^= static_cast<char>(1 << below(random, 8));
    break;
  case 1: // a byte
    if (!message.empty())
      message[below(random, message.size())] = static_cast<char>(below(random, 256));
    break;
  case 2: // cut off
    message.resize(below(random, message.size() + 1));
    break;
  case 3: // cut off, and its length says so
    message.resize(std::max(header_bytes, below(random, message.size() + 1)), '\0');
    set_length(message, message.size() - header_bytes);
    break;
  case 4: // longer, and its length says so, or not
    message.insert(below(random, message.size() + 1),
                   std::string(1 + below(random, 40), static_cast<char>(below(random, 256))));
    if (message.size() >= header_bytes && below(random, 2) == 0)
      set_length(message, message.size() - header_bytes);
    break;
  case 5: // any length
    if (message.size() >= header_bytes)
      set_length(message, below(random, 2) == 0 ? below(random, 65536) : below(random, 3000));
    break;
  case 6: // a length of a text in it
    if (message.size() >= 4) {
      auto size = static_cast<std::uint32_t>(below(random, 2) == 0 ? random() : below(random, 500));
      std::memcpy(message.data() + below(random, message.size() - 3), &size, sizeof(size));
    }
    break;
  default: { // a part of another message
    auto& other = others[below(random, others.size())];
    auto from = below(random, other.size());
    auto part = other.substr(from, 1 + below(random, other.size() - from));
    message.replace(below(random, message.size() + 1), part.size(), part);
  }
  }
}

} // namespace handshake_mutations
