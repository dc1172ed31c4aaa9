#include "dispatcher_front.hpp"

#include "http_pool.hpp"
#include "http_server.hpp"
#include "proxy_limits.hpp"

#include <atoll/core/plugin_loader.hpp>
#include <atoll/core/plugin_options.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/dispatcher.hpp>
#include <atoll/runtime/system.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <memory>
#include <stdexcept>
#include <unordered_map>
#include <utility>

namespace {

namespace asio = boost::asio;
namespace rt = atl::runtime;

/// Sends the requests of a dispatcher to one server, over connections of the I/O thread.
class http_worker : public caf::event_based_actor {
 public:
  http_worker(caf::actor_config& config, asio::io_context& io, std::uint16_t port)
      : caf::event_based_actor{config}, io_{io}, pool_{std::make_shared<http_pool>(io, port)} {}

  caf::behavior make_behavior() override {
    return {
        [this](rt::envelope&) -> caf::result<rt::envelope> {
          auto promise = make_response_promise();
          open_.emplace(++last_, promise);
          asio::post(io_, [pool = pool_, self = caf::actor_cast<caf::actor>(this), id = last_] {
            pool->get([self, id](bool is_ok) { rt::tell_from_outside(self, id, is_ok); });
          });
          return promise;
        },
        [this](std::uint64_t id, bool is_ok) {
          auto ended = open_.extract(id);
          ended.mapped().deliver(rt::make_reply(
              is_ok ? rt::reply{std::string{}, {}, false}
                    : rt::reply{
                          atl::fail(atl::errc::io, "the server gave no good answer"), {}, false}));
        },
    };
  }

 private:
  asio::io_context& io_;
  std::shared_ptr<http_pool> pool_;
  std::unordered_map<std::uint64_t, caf::response_promise> open_;
  std::uint64_t last_ = 0;
};

std::shared_ptr<atl::spi::balancer> make_balancer(const std::string& plugin) {
  auto loaded = atl::plugin_loader{}.load(atl::spi::plugin_kind::balancer, plugin);
  if (!loaded)
    throw std::runtime_error{loaded.error().message};
  return (*loaded)->create_balancer((*loaded)->check_options({}).value(), 1).value();
}

rt::dispatcher::settings make_settings(const front_settings& front) {
  rt::dispatcher::settings made;
  made.name = "front";
  made.balancer = make_balancer(front.balancer);
  made.balancer_name = front.balancer;
  made.deadline = proxy_limits::deadline;
  made.options.worker_requests_max = proxy_limits::server_requests_max;
  made.options.retries_max = 0;
  if (front.against_stalls == protection::none)
    return made;
  made.options.retries_max = proxy_limits::retries;
  made.options.attempt_timeout = proxy_limits::attempt_timeout;
  made.options.outliers.failures = proxy_limits::failures_until_down;
  if (front.against_stalls == protection::hedges)
    made.options.hedge_quantile = 0.9;
  return made;
}

} // namespace

void run_dispatcher_front(const front_settings& settings) {
  asio::io_context io{1};
  rt::system actors{1};
  rt::dispatcher dispatcher{actors, make_settings(settings)};
  std::vector<rt::dispatcher_worker> workers;
  for (auto port : settings.servers)
    workers.push_back({port, std::to_string(port), {}, 1, actors->spawn<http_worker>(io, port)});
  dispatcher.set_workers(std::move(workers));
  rt::dispatch_terms terms;
  terms.repeatable = settings.against_stalls != protection::none;
  http_server server{
      io, settings.port, [&](std::string_view, http_server::respond answer) {
        dispatcher.ask(rt::message_kind::application, {}, terms,
                       [&io, answer = std::move(answer)](atl::result<std::string> outcome) {
                         asio::post(io, [answer, is_ok = outcome.has_value()] { answer(is_ok); });
                       });
      }};
  io.run();
}
