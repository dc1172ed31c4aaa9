#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

/// A blocking TCP connection to a port of 127.0.0.1 that speaks no protocol of its own.
class raw_connection {
 public:
  /// An operation of a test's connection fails after so long.
  static constexpr std::chrono::seconds timeout{10};

  /// Connects; fails the test if nothing listens.
  explicit raw_connection(std::uint16_t port);
  /// Takes over a connected socket.
  static raw_connection adopt(int descriptor);
  raw_connection(raw_connection&& other) noexcept;
  raw_connection& operator=(raw_connection&& other) noexcept;
  ~raw_connection();

  /// @returns false if the peer has closed the connection.
  bool send(std::string_view bytes);
  /// Tells the peer that nothing else follows.
  void end_sending();
  /// Has the peer closed the connection, or reset it?
  bool is_closed() const;
  /// Waits until the peer has closed the connection. @returns what the peer has sent; fails the
  /// test after `timeout`.
  std::string receive_all();
  /// Waits for so many bytes. @returns fewer if the peer has closed the connection.
  std::string receive(std::size_t size);

 private:
  raw_connection() = default;
  int descriptor_ = -1;
};
