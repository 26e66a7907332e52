"""How the demo is served: several processes, so that revocation really has to cross them."""

wsgi_app = "demo.wsgi"
worker_class = "sync"
loglevel = "warning"
control_socket_disable = True  # newer versions would put one into the home folder
