#pragma once

#include "bulk/frames.hpp"
#include "bulk/io_loop.hpp"
#include "bulk/relay.hpp"
#include "bulk/shared_state.hpp"
#include "bulk/socket.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace dfs {

/// A connection of a bulk server: answers requests until the peer disconnects, sends malformed
/// bytes, or is idle for too long.
class session {
 public:
  explicit session(bulk_shared& shared) : shared_{shared} {}

  /// Serves an accepted connection, and closes it. Called once.
  void run(int fd);
  /// Makes `run` return soon. From any thread.
  void interrupt() { loop_.interrupt(); }

 private:
  /// @returns false if the connection must be closed.
  bool serve_next();
  bool serve(const frame& request);
  bool serve_read(const wire::read_request& request);
  bool serve_write(wire::write_request request);
  bool serve_report(const wire::report_request& request);
  bool serve_copy(const wire::copy_request& request);
  bool serve_probe(const wire::probe_request& request);
  atl::status copy(const wire::copy_request& request);
  bool admit(bulk_access what, std::string_view token, const fragment_key& key);
  bool answer(std::string_view body);
  bool answer(const atl::error& why) { return answer(wire::encode_failure(why)); }
  bool refuse(const atl::error& why);
  bool report_error(const atl::error& why);
  io_timeout wait() const;

  bulk_shared& shared_;
  io_loop loop_;
  tcp_socket socket_{loop_};
  std::optional<batch_buffers> buffers_; ///< allocated by the first write
};

} // namespace dfs
