#pragma once

#include <cstdint>
#include <filesystem>

/// What the machine itself can do, measured in the same minute as what is compared with it.
namespace machine {

/// `fdatasync`s a second of one stream of 4 KiB appends, over about a second.
double syncs_per_second(const std::filesystem::path& folder);

/// Bytes a second that `dd` writes with conv=fdatasync, `files` files of `bytes` one after the
/// other; a second is counted once for all of them.
double dd_bytes_per_second(const std::filesystem::path& folder, std::uint64_t bytes, int files);

/// Bytes a second through one loopback TCP connection, from memory into memory.
double loopback_bytes_per_second(std::uint64_t bytes);

/// Processor time that a process used so far, in seconds; 0 when it is gone.
double processor_seconds(int process);

/// Resident memory of a process in bytes; 0 when it is gone.
std::uint64_t resident_bytes(int process);
/// The most it ever was.
std::uint64_t peak_resident_bytes(int process);

} // namespace machine
