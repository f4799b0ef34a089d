// Package access decides who may call what: the contracts say it, and tokens say who calls.
package access

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	accessv1 "orderflow.example/gen/orderflow/access/v1"
)

// rule is who may call a method, as option (orderflow.access.v1.access) of its contract says.
type rule struct {
	method string
	public bool
	roles  []accessv1.Role
	// customerField is the field of the request with the id of the customer whose data is asked for; "" without one.
	customerField protoreflect.Name
}

// readRules returns the rules of all methods of the services, by procedure. It fails when a contract does not say who
// may call a method, or contradicts itself.
func readRules(services []string) (map[string]rule, error) {
	rules := map[string]rule{}
	var problems []error
	for _, name := range services {
		found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
		if err != nil {
			return nil, fmt.Errorf("service %s: %w", name, err)
		}
		service, ok := found.(protoreflect.ServiceDescriptor)
		if !ok {
			return nil, fmt.Errorf("%s is not a service", name)
		}
		for i := range service.Methods().Len() {
			method := service.Methods().Get(i)
			rule, err := readRule(method)
			problems = append(problems, err)
			rules[fmt.Sprintf("/%s/%s", name, method.Name())] = rule
		}
	}
	return rules, errors.Join(problems...)
}

func readRule(method protoreflect.MethodDescriptor) (rule, error) {
	option, ok := proto.GetExtension(method.Options(), accessv1.E_Access).(*accessv1.Access)
	if !ok || option == nil {
		return rule{}, fmt.Errorf("%s has no option (orderflow.access.v1.access)", method.FullName())
	}
	switch {
	case option.Public == (len(option.Roles) > 0):
		return rule{}, fmt.Errorf("%s must be public, or have roles", method.FullName())
	case slices.Contains(option.Roles, accessv1.Role_ROLE_UNSPECIFIED):
		return rule{}, fmt.Errorf("%s has a role that is not specified", method.FullName())
	case slices.Contains(option.Roles, accessv1.Role_ROLE_CUSTOMER) != (option.Own != nil):
		return rule{}, fmt.Errorf("%s must say how a customer's own are known, exactly if customers may call it",
			method.FullName())
	}
	read := rule{method: string(method.Name()), public: option.Public, roles: option.Roles}
	if name := option.GetCustomerField(); name != "" {
		field := method.Input().Fields().ByName(protoreflect.Name(name))
		if field == nil || field.Kind() != protoreflect.StringKind || field.IsList() || field.ContainingOneof() != nil {
			return rule{}, fmt.Errorf("%s has no field %s of type string", method.FullName(), name)
		}
		read.customerField = field.Name()
	}
	return read, nil
}

// roleNames are the names of the roles in tokens.
var roleNames = map[string]accessv1.Role{
	"customer": accessv1.Role_ROLE_CUSTOMER,
	"operator": accessv1.Role_ROLE_OPERATOR,
	"service":  accessv1.Role_ROLE_SERVICE,
}

func (r rule) roleNames() string {
	var names []string
	for _, role := range r.roles {
		names = append(names, strings.ToLower(strings.TrimPrefix(role.String(), "ROLE_")))
	}
	return strings.Join(names, " or ")
}
