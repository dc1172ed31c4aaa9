#include "storm_reader.hpp"

#include "client/file_client.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>

#include <algorithm>

storm_reader::storm_reader(test_cluster& cluster) : settings_{cluster.settings()} {
  auto connected = dfs::file_client::connect(settings_);
  REQUIRE_MESSAGE(connected, connected.error().message);
  client_ = std::move(*connected);
}

storm_reader::~storm_reader() = default;

bool storm_reader::has(const std::string& path, storm_content wanted) {
  std::string got;
  auto done = client_->get(path, [&](std::string_view piece) -> atl::status {
    got += piece;
    return {};
  });
  if (!done) {
    CHECK_MESSAGE(done.error().code == atl::errc::not_found, done.error().message);
    return wanted == 0 && done.error().code == atl::errc::not_found;
  }
  if (wanted == 0 || got != storm_bytes(wanted))
    return false;
  if (got.size() > inline_bytes)
    chunks_ += (got.size() + chunk_bytes - 1) / chunk_bytes;
  return true;
}

void storm_reader::check_files(const storm_files& files) {
  for (auto& file : files.files())
    CHECK_MESSAGE(has(file.path, file.after), file.path << " is not as it was stored");
  for (auto& path : files.removed())
    CHECK_MESSAGE(has(path, 0), path << " came back");
  for (auto& operation : files.unknown()) {
    auto are_all = [&](auto which) {
      return std::ranges::all_of(operation,
                                 [&](auto& effect) { return has(effect.path, effect.*which); });
    };
    CHECK_MESSAGE((are_all(&storm_effect::before) || are_all(&storm_effect::after)),
                  operation.front().path << " is neither as before nor as after an operation");
  }
}
