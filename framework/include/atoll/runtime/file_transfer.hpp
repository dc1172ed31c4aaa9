#pragma once

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>
#include <atoll/net/cluster_secret.hpp>
#include <atoll/net/gatekeeper.hpp>
#include <atoll/net/handshake.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

/// Transfers large files between nodes over TCP connections of their own: on a shared connection,
/// messages would wait for the files. The peers of such a connection prove each other first, as on
/// every other one.
namespace atl::runtime {

/// Names the files that a server offers to one receiver. A peer without the token gets nothing.
struct transfer_token {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend auto operator<=>(const transfer_token&, const transfer_token&) = default;
};

/// Sends the files that were offered under a token to members of the cluster that present the
/// token. Thread-safe.
class file_server {
 public:
  /// @param listen port 0: any free port
  /// @param self plane and version are set by this class
  /// @param secret empty: only peers of this machine are let in. Errors: unavailable (the address);
  /// refused: a secret is needed; busy (no thread).
  static result<std::unique_ptr<file_server>>
  start(const endpoint& listen, const net::identity& self, const net::cluster_secret& secret);
  ~file_server();
  file_server(const file_server&) = delete;
  file_server& operator=(const file_server&) = delete;

  std::uint16_t port() const;
  /// Of the handshakes at the port.
  net::gatekeeper_counters connections() const;
  void offer(const transfer_token& token, std::vector<std::filesystem::path> files);
  /// Ends the offer and closes the connections of its receiver.
  void withdraw(const transfer_token& token);
  /// When a peer last received a piece of the files; the epoch if no peer has.
  std::chrono::steady_clock::time_point last_taken(const transfer_token& token) const;

 private:
  struct implementation;
  explicit file_server(std::unique_ptr<implementation> impl);
  std::unique_ptr<implementation> impl_;
};

/// A file as its sender described it.
struct file_spec {
  std::filesystem::path into;
  std::uint64_t bytes = 0;
  std::uint32_t crc = 0; ///< CRC-32C of the whole file
};

struct fetch_plan {
  endpoint from;
  transfer_token token;
  std::vector<file_spec> files; ///< in the server's order
  net::identity self;           ///< plane and version are set by `fetch_files`
  net::cluster_secret secret;
  std::uint64_t bytes_per_second = 64 << 20;      ///< at most
  std::chrono::milliseconds idle_timeout{30'000}; ///< without a byte; then the fetch fails
  std::chrono::milliseconds retry{100};           ///< after a broken connection
};

/// Fetches all files, checks them and makes them durable. When the connection breaks, the fetch
/// resumes where it stopped. A file of which a part is present is fetched from there on, and
/// fetched again from its beginning if its checksum is wrong in the end. Blocks until all files are
/// there, so call it from a separate thread.
/// @param stop set by another thread, ends the fetch soon, with errc::timeout
/// @returns errc::corrupt for a file whose checksum isn't the described one, errc::refused when the
/// server refuses this process, with its reason, errc::timeout when nothing came for too long,
/// errc::io when the files can't be written.
status fetch_files(const fetch_plan& plan, const std::atomic<bool>& stop);

} // namespace atl::runtime
