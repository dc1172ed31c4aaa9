#pragma once

#include <atoll/core/error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>

namespace atl::net {

/// An HMAC-SHA-256.
using proof = std::array<std::uint8_t, 32>;

/// The secret that all nodes and clients of a cluster share. Its file holds 64 hexadecimal digits
/// and may be read by its owner alone. The bytes are overwritten when the object is destroyed.
class cluster_secret {
 public:
  /// No secret.
  cluster_secret() = default;
  cluster_secret(const cluster_secret&) = default;
  cluster_secret& operator=(const cluster_secret&) = default;
  ~cluster_secret();

  /// Errors: not_found; invalid if the content is no secret; refused if others may read the file;
  /// io.
  static result<cluster_secret> load(const std::filesystem::path& file);
  /// Draws a secret and writes it durably to a new file of mode 0600. Never replaces a file, and
  /// never leaves a part of one. Of several calls at the same time one succeeds.
  /// Errors: exists; not_found if the folder is missing; no_space; io.
  static result<cluster_secret> create(const std::filesystem::path& file);

  bool empty() const { return !is_set_; }

  /// The HMAC-SHA-256 (RFC 2104) of the label, a zero byte, and the text, with the secret as key.
  /// Proofs under different labels are unrelated. Throws if OpenSSL fails. @pre not empty
  proof prove(std::string_view label, std::string_view text) const;

 private:
  bool is_set_ = false;
  std::array<std::uint8_t, 32> key_{};
};

/// Compares in constant time.
bool equal(const proof& a, const proof& b);

} // namespace atl::net
