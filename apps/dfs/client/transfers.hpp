#pragma once

#include "client/file_client.hpp"
#include "client/storage_pool.hpp"

#include <exception>
#include <future>
#include <string>

namespace dfs {

/// Chunks of a file that are under way at once: one is read or written locally while the others
/// cross the network.
inline constexpr std::size_t chunks_under_way = 2;

/// The outcome of work on another thread; an exception becomes an error.
template <class Result>
Result await(std::future<Result>& outcome) {
  try {
    return outcome.get();
  } catch (const std::exception& problem) {
    return atl::fail(atl::errc::internal, std::string{"a transfer was ended: "} + problem.what());
  }
}

atl::result<std::uint64_t> upload(control& masters, storage_pool& storages, const byte_source& from,
                                  const std::string& path, const put_options& options);

atl::result<std::uint64_t> download(control& masters, storage_pool& storages,
                                    const std::string& path, const byte_sink& into,
                                    const progress_report& progress, const byte_range& part,
                                    const std::optional<expected_content>& expected,
                                    const byte_retraction& take_back);

} // namespace dfs
