// With this name the generated code, orderflow.example/gen/…, is a part of the module.
module orderflow.example

go 1.26.0

tool google.golang.org/protobuf/cmd/protoc-gen-go

require (
	github.com/twmb/franz-go v1.22.3
	google.golang.org/genproto v0.0.0-20260128011058-8636f8732409
	google.golang.org/protobuf v1.36.12
)

require (
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/pierrec/lz4/v4 v4.1.33 // indirect
	github.com/twmb/franz-go/pkg/kmsg v1.15.1 // indirect
)
