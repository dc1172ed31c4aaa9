#include "node/dfsd.hpp"

int main(int argc, char** argv) {
  return atl::node::node_main(argc, argv, dfs::make_application());
}
