module orderflow.example/gen

go 1.26.0
