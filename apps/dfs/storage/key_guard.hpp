#pragma once

#include "storage/chunk_store.hpp"

namespace dfs {

/// Locks one fragment, so that only one thread at a time puts it in place, moves it or removes it.
/// The store's mutex is not held during a slow rename.
class chunk_store::key_guard {
 public:
  key_guard(chunk_store& store, const fragment_key& key) : store_{store}, key_{key} {
    std::unique_lock lock{store_.mutex_};
    store_.free_key_.wait(lock, [&] { return !store_.busy_.contains(key_); });
    store_.busy_.insert(key_);
  }
  ~key_guard() {
    {
      std::lock_guard lock{store_.mutex_};
      store_.busy_.erase(key_);
    }
    store_.free_key_.notify_all();
  }
  key_guard(const key_guard&) = delete;
  key_guard& operator=(const key_guard&) = delete;

 private:
  chunk_store& store_;
  fragment_key key_;
};

} // namespace dfs
