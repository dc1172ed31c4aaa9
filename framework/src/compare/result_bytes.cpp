#include "result_bytes.hpp"

#include <cstring>
#include <type_traits>

namespace atl::compare {

namespace {

template <class T>
concept plain = std::is_trivially_copyable_v<T>;

class byte_writer {
 public:
  template <class... Fields>
  void operator()(const Fields&... fields) {
    (put(fields), ...);
  }
  std::string take() { return std::move(bytes_); }

 private:
  void put(const plain auto& field) {
    bytes_.append(reinterpret_cast<const char*>(&field), sizeof field);
  }
  template <class Container>
  void put(const Container& all) {
    put(all.size());
    bytes_.append(reinterpret_cast<const char*>(all.data()), all.size() * sizeof *all.data());
  }

  std::string bytes_;
};

class byte_reader {
 public:
  explicit byte_reader(std::string_view bytes) : bytes_{bytes} {}

  template <class... Fields>
  void operator()(Fields&... fields) {
    (get(fields), ...);
  }

 private:
  void get(plain auto& field) { copy(&field, sizeof field); }
  template <class Container>
  void get(Container& all) {
    std::size_t size = 0;
    get(size);
    all.resize(size);
    copy(all.data(), size * sizeof *all.data());
  }
  void copy(void* to, std::size_t size) {
    if (size > 0)
      std::memcpy(to, bytes_.data(), size);
    bytes_.remove_prefix(size);
  }

  std::string_view bytes_;
};

/// Passes all fields of a result to a writer or a reader.
void visit(auto& archive, auto& it) {
  archive(it.label, it.latency, it.mean_of_nodes, it.answered, it.failed, it.rejected, it.retries,
          it.probes, it.plugin_errors, it.first_error, it.nodes, it.moves, it.latencies);
}

} // namespace

std::string to_bytes(const result<strategy_result>& outcome) {
  byte_writer out;
  out(outcome.has_value());
  if (outcome)
    visit(out, *outcome);
  else
    out(outcome.error().code, outcome.error().message);
  return out.take();
}

result<strategy_result> from_bytes(std::string_view bytes) {
  byte_reader in{bytes};
  auto has_value = false;
  in(has_value);
  if (!has_value) {
    error problem;
    in(problem.code, problem.message);
    return tl::unexpected{problem};
  }
  strategy_result out;
  visit(in, out);
  return out;
}

} // namespace atl::compare
