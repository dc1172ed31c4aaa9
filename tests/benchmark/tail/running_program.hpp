#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

/// A process that this one starts, and ends with the object or with its own end. This process must
/// have no other thread when it starts one.
class running_program {
 public:
  /// @param words the program, found on the PATH, and its arguments
  /// @param log where its output goes
  running_program(std::vector<std::string> words, const std::filesystem::path& log);
  running_program(running_program&& other) noexcept;
  running_program& operator=(running_program&&) = delete;
  ~running_program();

  /// Waits until the process listens at the port of 127.0.0.1, ten seconds at most.
  /// @throws std::runtime_error with what the process printed
  void wait_for_port(std::uint16_t port);

  void pause() const;
  void resume() const;

 private:
  int process_; ///< 0: moved away
  std::filesystem::path log_;
};
