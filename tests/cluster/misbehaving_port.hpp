#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <thread>

/// Takes the port of a node that has ended.
class misbehaving_port {
 public:
  virtual ~misbehaving_port();
  misbehaving_port(const misbehaving_port&) = delete;
  misbehaving_port& operator=(const misbehaving_port&) = delete;

 protected:
  misbehaving_port(std::uint16_t port, int backlog);
  int listener_ = -1;
};

/// Answers nothing, not even a connection attempt, as a machine that is powered off: the queue of
/// its socket is full.
class silent_port : public misbehaving_port {
 public:
  explicit silent_port(std::uint16_t port);
  ~silent_port() override;

 private:
  std::array<int, 4> queued_{};
};

/// Answers whatever comes as an HTTP server does, and leaves the connections open.
class http_port : public misbehaving_port {
 public:
  explicit http_port(std::uint16_t port);
  ~http_port() override;

 private:
  void serve();
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};
