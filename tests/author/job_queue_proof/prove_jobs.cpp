#include <atoll/core/state/answer.hpp>
#include <atoll/verify/service_simulation.hpp>

#include <fmt/format.h>

#include <cstdlib>
#include <job_queue.hpp>

namespace {

using atl::verify::service_under_test;

std::uint64_t number(const std::string& text) {
  return std::strtoull(text.c_str(), nullptr, 10);
}

/// The job queue, with an audit of its answers in rows of its own: how many jobs were added, when
/// the lease of each leased job ends, and the first mistake.
class audited_queue final : public atl::service_logic {
 public:
  atl::service_info info() const override { return queue_.info(); }

  std::string apply(atl::transaction& state, const atl::service_command& command) override {
    auto answer = queue_.apply(state, command);
    std::string body{command.body};
    auto content = atl::decode_answer(answer);
    if (content && command.type == jobs::add)
      state.put("audit/added", std::to_string(number(get(state, "audit/added")) + 1));
    if (content && command.type == jobs::lease)
      audit_lease(state, number(*content), number(body));
    if (content && command.type == jobs::finish)
      audit_finish(state, number(body));
    return answer;
  }

  std::string query(atl::state_view& state, std::string_view query) const override {
    if (query == "added" || query == "mistake")
      return atl::encode_answer(get(state, fmt::format("audit/{}", query)));
    return queue_.query(state, query);
  }

  std::optional<atl::error> admission_check(const atl::service_command& command) const override {
    return queue_.admission_check(command);
  }

 private:
  static std::string get(atl::row_reader& state, const std::string& key) {
    std::string value;
    state.get(key, value);
    return value;
  }

  static std::string lease_of(std::uint64_t id) { return fmt::format("audit/lease/{}", id); }

  static void audit_lease(atl::transaction& state, std::uint64_t id, std::uint64_t seconds) {
    auto until = get(state, lease_of(id));
    if (!until.empty() && number(until) >= state.time_us())
      state.put("audit/mistake", fmt::format("job {} is leased to two workers", id));
    state.put(lease_of(id), std::to_string(state.time_us() + seconds * 1'000'000));
  }

  static void audit_finish(atl::transaction& state, std::uint64_t id) {
    if (get(state, lease_of(id)).empty())
      state.put("audit/mistake", fmt::format("job {} is done, and nobody had it", id));
    state.erase(lease_of(id));
  }

  jobs::job_queue queue_;
};

/// Adds jobs, leases some for up to two seconds, and finishes what may be leased.
service_under_test::generated_command draw_command(atl::spi::random_source& random) {
  if (random.chance(0.4))
    return {jobs::add, fmt::format("job {}", random.below(1000))};
  if (random.chance(0.6))
    return {jobs::lease, std::to_string(random.below(3))};
  auto id = 1 + random.below(40);
  return {jobs::finish, fmt::format("{} {}", id, id + 1 + random.below(10))};
}

std::string draw_query(atl::spi::random_source&) {
  return "count";
}

/// Each job that was added waits, is leased, or is done.
std::optional<std::string> what_is_wrong(const service_under_test::ask& ask) {
  auto text = [&](std::string_view query) { return atl::decode_answer(ask(query)).value(); };
  if (auto mistake = text("mistake"); !mistake.empty())
    return mistake;
  auto counts = text("count"); // WAITING LEASED DONE
  auto leased = counts.find(' ') + 1;
  auto done = counts.find(' ', leased) + 1;
  auto jobs = number(counts) + number(counts.substr(leased)) + number(counts.substr(done));
  if (jobs == number(text("added")))
    return std::nullopt;
  return fmt::format("{} jobs were added, and {} wait, are leased or done", text("added"), jobs);
}

} // namespace

int main(int argc, char** argv) {
  service_under_test service;
  service.logic = [] { return std::make_unique<audited_queue>(); };
  service.command = draw_command;
  service.query = draw_query;
  service.invariant = what_is_wrong;
  return atl::verify::simulate_service_main(argc, argv, service);
}
